"""One streamed answer over HTTP, at little cost: the load generator shares the machine with the server."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, cast

import httptools
import msgspec

from tests.support.messages import Answer

_EVENT_END = b"\n\n"
_DATA = b"data: "


class BadAnswer(Exception):
    """The server answered with something else than a whole stream."""


class StreamClient(asyncio.Protocol):
    """Sends `request` (a whole HTTP/1.1 request) on its connection and notes when each part of the body came.

    Nothing is parsed beyond HTTP's own framing before the answer is complete.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._times: list[float] = []
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._times.append(time.perf_counter())
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        if not self.complete.done():
            self.complete.set_result(None)
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.complete.done():
            self.complete.set_exception(BadAnswer(f"The connection ended in the middle of an answer: {exc}"))

    @property
    def seconds(self) -> float:
        """From the request to the last piece."""
        return self._times[-1] - self._asked_at

    def answer(self) -> Answer:
        """Of a complete stream. Raises `BadAnswer`."""
        if self._parser.get_status_code() != 200:
            raise BadAnswer(b"".join(self._pieces).decode(errors="replace"))
        events = read_events(self._pieces, self._times)
        usage = next((event.payload["usage"] for event in events if event.payload.get("usage")), None)
        if usage is None:
            raise BadAnswer("The stream ended without its usage: " + b"".join(self._pieces[-2:]).decode())
        times = [event.at - self._asked_at for event in events if event.has_text]
        return Answer(usage["prompt_tokens"], usage["completion_tokens"], times)


@dataclass(frozen=True)
class _Event:
    payload: dict[str, Any]
    at: float

    @property
    def has_text(self) -> bool:
        choices = self.payload.get("choices") or [{}]
        return bool(choices[0].get("delta", {}).get("content"))


def read_events(pieces: list[bytes], times: list[float]) -> list[_Event]:
    """Each event with the time at which its last byte came. Raises `BadAnswer` on one that is no JSON object."""
    events: list[_Event] = []
    pending = b""
    for piece, at in zip(pieces, times, strict=True):
        *whole, pending = (pending + piece).split(_EVENT_END)
        data = [line.removeprefix(_DATA) for line in whole if line.startswith(_DATA + b"{")]
        try:
            events += [_Event(msgspec.json.decode(each, type=dict[str, Any]), at) for each in data]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswer(f"The stream holds an event that cannot be read: {error}") from error
    return events
