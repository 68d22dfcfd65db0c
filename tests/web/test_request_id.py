"""The request's id: in the response, in the log, refused when it could forge a log line."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from web.request_id import RequestId, RequestIdFilter, current_request_id


async def _tell(_: Request) -> PlainTextResponse:
    return PlainTextResponse(current_request_id() or "")


@pytest.fixture
def client() -> TestClient:
    return TestClient(RequestId(Starlette(routes=[Route("/", _tell, methods=["GET", "POST"])])))


def test_the_clients_own_id_is_kept(client: TestClient) -> None:
    answer = client.get("/", headers={"x-request-id": "mine-1"})
    assert answer.text == answer.headers["x-request-id"] == answer.headers["request-id"] == "mine-1"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "%s", "a\tb"])
def test_another_one_is_drawn_for_a_bad_one(client: TestClient, bad: str) -> None:
    assert client.get("/", headers={"x-request-id": bad}).headers["x-request-id"].startswith("req_")


def test_the_log_names_it(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(RequestIdFilter())
    with caplog.at_level(logging.INFO, "web.request_id"):
        client.post("/", headers={"x-request-id": "mine-2"})
    assert any(record.getMessage().startswith("[mine-2] POST / 200") for record in caplog.records)
    assert current_request_id() is None
