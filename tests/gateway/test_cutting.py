"""A device that goes away in the middle of a stream: each API's clients are told in their own way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import anthropic
import ollama
import openai
import pytest

from gateway.events import WholeEvents
from tests.apis.servers import CHAT
from tests.gateway.conftest import Town, open_town

HELLO = [{"role": "user", "content": "Hello"}]
BEGINNINGS = {
    "/v1/chat/completions": 'data: {"id":"1","choices":[]}\n\ndata: {"id":"2","cho',
    "/v1/messages": 'event: ping\ndata: {"type": "ping"}\n\nevent: content_block_delta\ndata: {',
    "/v1/responses": "event: response.created\ndata: {",
    "/api/chat": '{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"a"},"do',
}


class _Dying(BaseHTTPRequestHandler):
    """Begins a stream and leaves in the middle of a line."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        ollamas = self.path.startswith("/api/")
        self.send_header("Content-Type", "application/x-ndjson" if ollamas else "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        text = BEGINNINGS[self.path].encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        time.sleep(0.5)  # the gateway reads the beginning before it learns of the end
        self.close_connection = True

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _dying_device() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Dying) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with _dying_device() as url, open_town(tmp_path_factory.mktemp("town")) as town:
        town.move("gpu", url)
        yield town


@pytest.mark.parametrize("path", BEGINNINGS)
def test_the_stream_ends_with_an_error_of_its_api(town: Town, path: str) -> None:
    body = {"model": f"gpu-{CHAT}", "messages": HELLO, "input": "Hello", "max_tokens": 9, "stream": True}
    answer = town.client.post(path, json=body)
    assert answer.status_code == 200
    whole, _, half = BEGINNINGS[path].rpartition("\n\n")
    assert answer.text.startswith(whole)
    assert half not in answer.text
    error = json.loads(answer.text.strip().splitlines()[-1].removeprefix("data: "))
    assert "The gpu server ended while it was answering" in json.dumps(error)


def test_the_clients_raise_it(town: Town) -> None:
    model = f"gpu-{CHAT}"
    with openai.OpenAI(base_url=f"{town.url}/v1", api_key="-", max_retries=0) as client:
        stream = client.chat.completions.create(model=model, messages=HELLO, stream=True)  # pyright: ignore
        with pytest.raises(openai.APIError, match="send the request again"):
            list(stream)
    with (
        anthropic.Anthropic(base_url=town.url, api_key="-", max_retries=0) as client,
        pytest.raises(anthropic.APIError, match="send the request again"),
        client.messages.stream(model=model, messages=HELLO, max_tokens=9) as stream,  # pyright: ignore
    ):
        list(stream)


def test_a_cut_answer_is_counted(tmp_path: Path) -> None:
    with _dying_device() as url, open_town(tmp_path) as town:
        town.move("gpu", url)
        town.client.post("/api/chat", json={"model": f"gpu-{CHAT}", "messages": HELLO})
        devices = {each["name"]: each for each in town.client.get("/health").json()["devices"]}
        assert (devices["gpu"]["cut"], devices["npu"]["cut"]) == (1, 0)


def test_ollamas_client_raises_it(town: Town) -> None:
    with pytest.raises(ollama.ResponseError, match="send the request again"):
        list(ollama.Client(host=town.url).chat(f"gpu-{CHAT}", HELLO, stream=True))


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize(
    ("media_type", "text", "whole"),
    [
        ("text/event-stream", b"data: a\n\nevent: b\ndata: c\n\ndata: d\n", b"data: a\n\nevent: b\ndata: c\n\n"),
        ("application/x-ndjson", b'{"a": 1}\n{}\n{"b', b'{"a": 1}\n{}\n'),
        ("application/json", b'{"a": 1}\n{}\n{"b', b'{"a": 1}\n{}\n{"b'),
    ],
)
def test_only_whole_events_are_passed_on(media_type: str, text: bytes, whole: bytes, piece: int) -> None:
    events = WholeEvents(media_type)
    passed = b"".join(events.push(text[at : at + piece]) for at in range(0, len(text), piece))
    assert passed == whole
    assert passed + events.rest() == text
