import asyncio
from typing import Any

from web.batched_writes import BatchedTransport, WriteCoalescer


class Recorder(asyncio.Transport):
    def __init__(self, log: list[tuple[str, bytes]], name: str) -> None:
        super().__init__()
        self.log, self.name, self.closed = log, name, False

    def write(self, data: Any) -> None:
        self.log.append((self.name, bytes(data)))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def _transports(*names: str) -> tuple[list[tuple[str, bytes]], list[BatchedTransport]]:
    log: list[tuple[str, bytes]] = []
    coalescer = WriteCoalescer()
    return log, [BatchedTransport(Recorder(log, name), coalescer) for name in names]


async def test_what_is_written_in_one_turn_is_sent_together_afterwards() -> None:
    log, (first, second) = _transports("first", "second")
    first.write(b"a")
    second.write(b"1")
    first.write(b"b")
    assert log == []
    await asyncio.sleep(0)
    assert log == [("first", b"ab"), ("second", b"1")]


async def test_a_later_turn_sends_again() -> None:
    log, (transport,) = _transports("only")
    for data in (b"a", b"b"):
        transport.write(data)
        await asyncio.sleep(0)
    assert log == [("only", b"a"), ("only", b"b")]


async def test_closing_sends_what_is_left_first() -> None:
    log, (transport,) = _transports("only")
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert log == [("only", b"last words")]
    assert transport.is_closing()


async def test_much_is_sent_at_once_so_that_the_transport_can_ask_for_a_pause() -> None:
    log, (transport,) = _transports("only")
    transport.write(b"x" * 100_000)
    assert log == [("only", b"x" * 100_000)]
    transport.write(b"y")
    await asyncio.sleep(0)
    assert log[1:] == [("only", b"y")]
