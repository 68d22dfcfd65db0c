"""Sending what one turn of the event loop has written in one go."""

import asyncio
from typing import Any

_MOST_PENDING_BYTES = 65_536


class WriteCoalescer:
    """The connections of one server that have something to send after the current turn of the event loop.

    A model's step brings a token for each stream. Sent one by one, each would wake its client, which then takes the
    processor from the next; sent together, when all of them are written, they wake it once.
    """

    def __init__(self) -> None:
        self._waiting: list[BatchedTransport] = []

    def add(self, transport: "BatchedTransport") -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append(transport)

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.flush()


class BatchedTransport:
    """A transport whose writes go out at the end of the event loop's turn, or when they are many."""

    def __init__(self, transport: asyncio.Transport, coalescer: WriteCoalescer) -> None:
        self._transport = transport
        self._coalescer = coalescer
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def write(self, data: bytes) -> None:
        if not self._pending:
            self._coalescer.add(self)
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > _MOST_PENDING_BYTES:
            self.flush()  # only what the transport has makes it ask the writer to pause

    def flush(self) -> None:
        """Send what was written so far."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if pending and not self._transport.is_closing():
            self._transport.write(b"".join(pending))

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
