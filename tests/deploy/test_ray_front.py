"""The cluster's front: which device it asks, and what it makes of replicas that are lost. Ray itself is not needed."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from deploy.ray.front import ReplicaLost, create_front
from deploy.ray.in_process import InProcessRequest, Part, StartedAnswer, answer_of
from deploy.ray.settings import ClusterDevice

JSON = [(b"content-type", b"application/json")]
SSE = [(b"content-type", b"text/event-stream; charset=utf-8")]
LINES = [(b"content-type", b"application/x-ndjson")]

Answer = Callable[[str, InProcessRequest], AsyncGenerator[Part, None]]


def device(*models: str, **settings: Any) -> ClusterDevice:
    entries = [{"id": model, "path": f"models/{model.replace('/', '_')}"} for model in models]
    return ClusterDevice.model_validate({"device": "GPU", "models": entries, **settings})


DEVICES = {
    "gpu": device("org/big", "org/both", aliases={"chat": {"model": "org/big"}}),
    "npu": device("org/small", "org/both"),
}


def client_of(answer: Answer, body_bytes: int = 10_000) -> httpx.AsyncClient:
    app = create_front(DEVICES, answer, body_bytes=body_bytes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://front")


async def who_answers(name: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
    yield StartedAnswer(200, JSON)
    yield json.dumps({"device": name, "path": asked.path, "body": asked.body.decode()}).encode()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpu-org/big", "gpu"),
        ("org/big", "gpu"),
        ("chat", "gpu"),
        ("org/small:latest", "npu"),
        ("npu-org/both", "npu"),
        ("org/both", "gpu"),
        ("org/small:Q4_K_M", "npu"),
    ],
)
async def test_a_model_is_asked_where_it_is(model: str, name: str) -> None:
    async with client_of(who_answers) as client:
        assert (await client.post("/v1/chat/completions", json={"model": model})).json()["device"] == name
        assert (await client.post("/api/show", json={"name": model})).json()["device"] == name
        assert (await client.get(f"/v1/models/{model}")).json()["device"] == name


async def test_what_names_no_model_is_passed_on_as_it_is() -> None:
    async with client_of(who_answers) as client:
        answer = await client.post("/api/chat", content=b"no JSON")
    assert answer.json() == {"device": "gpu", "path": "/api/chat", "body": "no JSON"}


async def test_a_model_that_is_nowhere_is_named_in_the_form_of_the_api() -> None:
    async with client_of(who_answers) as client:
        openai = await client.post("/v1/chat/completions", json={"model": "org/none"})
        anthropic = await client.post("/v1/messages", json={"model": "org/none"})
        ollama = await client.post("/api/chat", json={"model": "org/none"})
    assert (openai.status_code, anthropic.status_code, ollama.status_code) == (404, 404, 404)
    assert openai.json()["error"]["code"] == "model_not_found"
    assert anthropic.json()["error"]["type"] == "not_found_error"
    assert "'npu-org/small'" in ollama.json()["error"]


async def test_lists_are_merged() -> None:
    async def lists(name: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        yield StartedAnswer(200, JSON)
        yield json.dumps({"object": "list", "data": [{"id": f"{name}-model"}]}).encode()

    async with client_of(lists) as client:
        answer = (await client.get("/v1/models")).json()
    assert [model["id"] for model in answer["data"]] == ["gpu-model", "npu-model"]
    assert (answer["object"], answer["first_id"], answer["last_id"]) == ("list", "gpu-model", "npu-model")


async def test_a_list_that_one_device_refuses_is_refused() -> None:
    async def refusing(name: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        yield StartedAnswer(401, [*JSON, (b"www-authenticate", b"Bearer")])
        yield b'{"error": "key"}'

    async with client_of(refusing) as client:
        answer = await client.get("/api/tags")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_health_tells_of_every_device() -> None:
    async def half(name: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        if name == "npu":
            raise ReplicaLost("gone")
        yield StartedAnswer(200, JSON)
        yield b'{"status": "ok", "pid": 7}'

    async with client_of(half) as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["devices"] == {"gpu": {"status": "ok", "pid": 7}, "npu": {"status": "unavailable"}}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("DELETE", "/api/delete"),
        ("POST", "/model/cleanup"),
        ("GET", "/live"),
        ("GET", "/memory"),
    ],
)
async def test_what_is_about_one_server_is_refused(method: str, path: str) -> None:
    async with client_of(who_answers) as client:
        answer = await client.request(method, path)
    assert answer.status_code == 403


async def test_too_large_a_body_is_refused() -> None:
    async with client_of(who_answers, body_bytes=100) as client:
        answer = await client.post("/api/chat", content=b"x" * 101)
    assert answer.status_code == 413


class Losing:
    """Loses its replica `times` times after `before` parts, then answers."""

    def __init__(self, times: int, before: list[Part]) -> None:
        self.times = times
        self.before = before

    async def __call__(self, name: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        self.times -= 1
        if self.times >= 0:
            for part in self.before:
                yield part
            raise ReplicaLost("The node is gone.")
        yield StartedAnswer(200, SSE)
        yield b"data: whole\n\n"


async def test_a_request_is_asked_again_while_nothing_was_sent() -> None:
    async with client_of(Losing(2, [StartedAnswer(200, SSE)])) as client:
        answer = await client.post("/v1/chat/completions", json={"model": "org/big"})
    assert (answer.status_code, answer.text) == (200, "data: whole\n\n")


async def test_one_that_loses_every_replica_gets_a_status() -> None:
    async with client_of(Losing(99, [])) as client:
        answer = await client.post("/v1/chat/completions", json={"model": "org/big"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "replica_lost"


async def test_what_loses_the_replicas_of_one_device_is_asked_of_another_that_has_the_model() -> None:
    asked: list[str] = []

    async def only_the_npu(name: str, request: InProcessRequest) -> AsyncGenerator[Part, None]:
        asked.append(name)
        if name == "gpu":
            raise ReplicaLost("gone")
        yield StartedAnswer(200, JSON)
        yield b"{}"

    async with client_of(only_the_npu) as client:
        for _ in range(2):  # what is lost is replaced: the next request tries it again
            assert (await client.post("/api/chat", json={"model": "org/both"})).status_code == 200
    assert asked == ["gpu", "npu", "gpu", "npu"]


async def test_every_question_goes_with_the_callers_key_to_the_device_that_keeps_a_response() -> None:
    async def keeping(name: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        assert (b"authorization", b"Bearer mine") in asked.headers
        yield StartedAnswer(200 if name == "npu" else 404, JSON)
        yield json.dumps({"device": name}).encode()

    async with client_of(keeping) as client:
        answer = await client.get("/v1/responses/resp_1", headers={"Authorization": "Bearer mine"})
    assert answer.json() == {"device": "npu"}


@pytest.mark.parametrize(
    ("path", "headers", "ending", "begins", "kind"),
    [
        ("/v1/chat/completions", SSE, "\n\n", "data: ", "error"),
        ("/v1/messages", SSE, "\n\n", "event: error\ndata: ", "error"),
        ("/v1/responses", SSE, "\n\n", "event: error\ndata: ", "message"),
        ("/api/chat", LINES, "\n", "", "error"),
    ],
)
async def test_a_stream_that_loses_its_replica_says_so(
    path: str, headers: Any, ending: str, begins: str, kind: str
) -> None:
    pieces = [f"begun{ending}".encode(), b"half of"]
    async with client_of(Losing(1, [StartedAnswer(200, headers), *pieces])) as client:
        answer = await client.post(path, json={"model": "org/big"})
    sent, _, last = answer.text.partition(ending)
    assert sent == "begun"
    assert last.startswith(begins)
    event = json.loads(last.removeprefix(begins))
    assert kind in event
    assert "The node is gone." in last


async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-method", scope["method"].encode())]})
    for piece in (b"one ", b"two ", body):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def test_an_app_in_this_process_answers() -> None:
    parts = [part async for part in answer_of(asgi_app, InProcessRequest("POST", "/x", body=b"three"))]
    assert parts[0] == StartedAnswer(201, [(b"x-method", b"POST")])
    assert b"".join(part for part in parts if isinstance(part, bytes)) == b"one two three"


async def test_leaving_ends_the_work() -> None:
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async with aclosing(answer_of(endless, InProcessRequest("GET", "/"))) as parts:
        assert isinstance(await anext(parts), StartedAnswer)
    assert ended.is_set()


async def test_an_app_that_fails_is_heard_of() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        [part async for part in answer_of(failing, InProcessRequest("GET", "/"))]
