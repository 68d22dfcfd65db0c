"""Clients that take their time, so as to hold what others need: the server must be rid of them at its deadlines."""

import asyncio
import contextlib
import itertools
import time
from urllib.parse import urlsplit

from tests.reliability.attacks.attack import PATIENCE_SECONDS, Reply, connect, until_cut

CONNECTIONS = 500
_FEWER = 100
_STUCK = 20
_PIPELINED = 100
"""Documents of some 100 KB that one client asks for at once: more than the buffers of a connection take."""


async def open_slowly(url: str, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connections on which the first byte of a request has been sent."""
    opened = await asyncio.gather(*(connect(url) for _ in range(count)))
    for _, writer in opened:
        writer.write(b"G")
    return opened


async def slowloris(url: str) -> list[Reply]:
    """Many connections that send a byte of a request's head a second, without end."""
    started = time.perf_counter()
    opened = await open_slowly(url, CONNECTIONS)
    return await asyncio.gather(*(_trickle(*each, started, b"ET /") for each in opened))


async def slow_bodies(url: str) -> list[Reply]:
    """Large bodies are announced; a byte a second comes."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Length: 30000000\r\n\r\n"
    started = time.perf_counter()
    opened = await asyncio.gather(*(connect(url) for _ in range(_FEWER)))
    for _, writer in opened:
        writer.write(head.encode())
    return await asyncio.gather(*(_trickle(*each, started, b'{"model": "') for each in opened))


async def stuck_readers(url: str) -> list[Reply]:
    """Clients that ask for far more than they will ever read."""
    return await asyncio.gather(*(_never_read(url) for _ in range(_STUCK)))


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, started: float, text: bytes) -> Reply:
    """A byte a second: `text`, then the letter x without end."""

    async def send() -> None:
        with contextlib.suppress(OSError):
            for byte in itertools.chain(text, itertools.repeat(ord("x"))):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)

    sending = asyncio.create_task(send())
    try:
        return await until_cut(reader, writer, started)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _never_read(url: str) -> Reply:
    """Asks, and then only looks whether the connection is still there, which sending a byte tells."""
    started = time.perf_counter()
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
    outcome = "held"
    try:
        writer.write(f"GET /openapi.json HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode() * _PIPELINED)
        while time.perf_counter() - started < PATIENCE_SECONDS:
            await asyncio.sleep(1)
            writer.write(b"\r\n")
            await writer.drain()
    except OSError:
        outcome = "cut off"
    finally:
        writer.transport.abort()
    return Reply(outcome, time.perf_counter() - started)
