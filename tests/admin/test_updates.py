"""The notice about a newer version: asked for by the switch alone."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from admin.live.updates import UpdateWatch
from configuration.server_config import read_server_config
from tests.admin.site import Site


class Index:
    def __init__(self, answer: Any) -> None:
        self.asked = 0
        self._answer = answer

    async def __call__(self) -> Any:
        self.asked += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def _watched(watch: UpdateWatch, *turns: bool) -> None:
    task = asyncio.create_task(watch.run())
    for turn in turns:
        await asyncio.sleep(0)
        watch.turn(turn)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("answer", "newer"),
    [
        ({"info": {"version": "0.2.0"}}, "0.2.0"),
        ({"info": {"version": "0.1.0"}}, None),
        ({"info": {"version": "0.0.9"}}, None),
        ({"info": {"version": "0.3.0rc1"}}, None),
        ({"info": {"version": "<script>"}}, None),
        ({"info": {}}, None),
        ([], None),
        (httpx.ConnectError("no network"), None),
    ],
)
async def test_what_the_index_says(answer: Any, newer: str | None) -> None:
    watch = UpdateWatch("0.1.0", enabled=True, fetch=Index(answer))
    await _watched(watch)
    assert watch.newer == newer


async def test_off_asks_nobody_and_forgets() -> None:
    index = Index({"info": {"version": "9"}})
    watch = UpdateWatch("0.1.0", enabled=False, fetch=index)
    await _watched(watch, False)
    assert index.asked == 0
    await _watched(watch, True)
    assert index.asked == 1
    assert watch.newer == "9"
    watch.turn(False)
    assert watch.newer is None


async def test_the_switch_is_written_down(site: Site, client: httpx.AsyncClient) -> None:
    index = Index({"info": {"version": "99.1"}})
    assert not read_server_config(site.data_dir).check_updates
    assert (await client.get("/api/updates")).json() == {"enabled": False, "newer": None}
    site.app.state.updates._fetch = index
    assert index.asked == 0
    await client.post("/api/updates", json={"enabled": True})
    assert read_server_config(site.data_dir).check_updates
    for _ in range(50):
        if (await client.get("/api/updates")).json()["newer"]:
            break
        await asyncio.sleep(0.01)
    assert "有新版本 99.1" in (await client.get("/")).text
    await client.post("/api/updates", json={"enabled": False})
    assert "99.1" not in (await client.get("/")).text
