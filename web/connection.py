"""HTTP connections with deadlines for slow senders and stalled readers."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.batched_writes import BatchedTransport, WriteCoalescer
from web.upgrades import PlainParser

_LATE_SECONDS = 1.0
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class TimeoutProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines. A request's head must be complete `head_seconds` after its first byte (or
    after connecting) and within `head_bytes`; a body must bring `body_bytes_per_second`, looked at every
    `body_seconds`; who takes nothing of an answer for `reader_seconds` is cut off. What is written goes out at the end
    of the event loop's turn, with that of the server's other connections.

    A deadline that is noticed late begins anew: this process, if not the whole machine, stood still, and what the
    client has sent meanwhile has not been read yet.
    """

    coalescer: WriteCoalescer

    head_seconds = 20.0
    head_bytes = 65_536
    body_seconds = 30.0
    body_bytes_per_second = 1000
    reader_seconds = 60.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser = PlainParser(self)
        self._head_timer: TimerHandle | None = None
        self._body_timer: TimerHandle | None = None
        self._reader_timer: TimerHandle | None = None
        self._head_received = 0
        self._body_received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, BatchedTransport(transport, self.coalescer)))
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._body_timer, self._reader_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._body_timer = self._reader_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_timer is None:
            return
        self._head_received += len(data)
        if self._head_received > self.head_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_received = 0
        if self._head_timer is None:
            self._watch_head()

    def on_headers_complete(self) -> None:
        if self.parser.declining:
            return
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()
        self._body_received = 0
        self._watch_body()

    def on_body(self, body: bytes) -> None:
        self._body_received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.declining:
            return
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        # Closing waits until the peer has taken all; it may never do that.
        self._watch_reader()

    def _watch_head(self) -> None:
        self._head_timer = self._after(self.head_seconds, self._give_up, self._watch_head)

    def _watch_reader(self) -> None:
        self._reader_timer = self._after(self.reader_seconds, self._give_up, self._watch_reader)

    def _watch_body(self) -> None:
        before = self._body_received
        self._body_timer = self._after(self.body_seconds, lambda: self._check_body(before), self._watch_body)

    def _check_body(self, before: int) -> None:
        # While the app does not read, reading is paused: then the client is not the one who is slow.
        if self._body_received - before >= self.body_bytes_per_second * self.body_seconds or self.flow.read_paused:
            self._watch_body()
        else:
            self._give_up()

    def _after(self, seconds: float, act: Callable[[], None], again: Callable[[], None]) -> TimerHandle:
        due = self.loop.time() + seconds
        return self.loop.call_later(seconds, lambda: again() if self.loop.time() - due > _LATE_SECONDS else act())

    def _give_up(self) -> None:
        self.transport.abort()


def timeout_protocol(base: type[TimeoutProtocol] = TimeoutProtocol) -> type[TimeoutProtocol]:
    """The protocol for one server, whose connections share an outbox."""
    return type(base.__name__, (base,), {"coalescer": WriteCoalescer()})
