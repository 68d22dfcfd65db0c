"""Following a pull, wherever its job runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import administration.pulls as pulls
from administration.client import AdminClient
from administration.errors import AdministrationError


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulls, "_POLL_SECONDS", 0)


def job(state: str, **more: Any) -> dict[str, Any]:
    return {"id": "1", "state": state, "error": None, **more}


@pytest.mark.parametrize("final", pulls.FINAL)
async def test_every_state_comes_and_the_last_is_final(final: str) -> None:
    states = iter([job("resolving"), job("downloading"), job(final), job("never")])

    async def look(job_id: str) -> dict[str, Any]:
        assert job_id == "1"
        return next(states)

    seen = [state["state"] async for state in pulls.follow(job("queued"), look)]
    assert seen == ["queued", "resolving", "downloading", final]


class Server:
    """Answers as an admin server does."""

    def __init__(self, states: list[dict[str, Any]]) -> None:
        self._states: Iterator[dict[str, Any]] = iter(states)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"job": next(self._states)})
        return httpx.Response(200, json={"jobs": [state] if (state := next(self._states)) else []})


async def followed(*states: dict[str, Any]) -> list[str]:
    transport = httpx.MockTransport(Server(list(states)))
    async with AdminClient("http://admin", transport=transport) as client:
        return [state["state"] async for state in client.pull("a/b", None)]


async def test_over_http_it_is_the_same() -> None:
    assert await followed(job("queued"), job("downloading"), job("ready")) == ["queued", "downloading", "ready"]


async def test_a_download_that_the_server_has_forgotten_is_an_error() -> None:
    with pytest.raises(AdministrationError, match="no longer knows"):
        await followed(job("queued"), {})


async def test_what_the_server_says_is_the_error() -> None:
    refusal = {"error": {"message": "No such model.", "type": "ModelNotFound"}}
    transport = httpx.MockTransport(lambda _: httpx.Response(404, json=refusal))
    async with AdminClient("http://admin", transport=transport) as client:
        with pytest.raises(AdministrationError, match=r"^No such model\.$") as caught:
            await client.ask("GET", "/")
    assert (caught.value.status, caught.value.kind) == (404, "ModelNotFound")


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), httpx.Response(200, text="<html>")])
async def test_nobody_there_is_one_error(answer: Any) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with AdminClient("http://admin", transport=httpx.MockTransport(respond)) as client:
        with pytest.raises(AdministrationError, match=r"http://admin does not answer .*start main\.py") as caught:
            await client.ask("GET", "/")
    assert caught.value.kind == "admin_unreachable"


def test_only_a_failed_pull_has_a_failure() -> None:
    error = {"status": 507, "type": "NotEnoughDisk", "message": "Full."}
    failed = pulls.failure(job("failed", error=error))
    assert failed is not None
    assert (failed.status, failed.kind, str(failed)) == (507, "NotEnoughDisk", "Full.")
    assert pulls.failure(job("ready")) is None
