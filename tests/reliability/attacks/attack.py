"""What an attack is, and the ways in which the attacks send."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx

PATIENCE_SECONDS = 120.0
_LARGEST_ANSWER = 100_000


@dataclass(frozen=True)
class Reply:
    """`outcome`: the status, `cut off`, or the name of an error; `seconds` from the first byte sent."""

    outcome: str
    seconds: float


@dataclass(frozen=True)
class Attack:
    """`run` goes at the base URL of a server once and tells how each of its requests ended. `allowed`: the outcomes
    that a request may have; `seconds`: how soon, on a machine with nothing else to do; `on`: which of the two apps."""

    name: str
    run: Callable[[str], Awaitable[list[Reply]]]
    allowed: frozenset[str]
    on: Literal["device", "page", "both"]
    seconds: float = 5.0

    def problems(self, replies: Sequence[Reply]) -> list[str]:
        """What of the replies is not as it must be; how long they took is left out."""
        return sorted({reply.outcome for reply in replies} - self.allowed) if replies else ["nothing was tried"]


async def post(url: str, path: str, *bodies: bytes) -> list[Reply]:
    """One after the other."""
    replies: list[Reply] = []
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        for body in bodies:
            started = time.perf_counter()
            try:
                answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
                size = len(answer.content)
                outcome = str(answer.status_code) + (f" of {size} bytes" if size > _LARGEST_ANSWER else "")
            except httpx.HTTPError as error:
                outcome = type(error).__name__
            replies.append(Reply(outcome, time.perf_counter() - started))
    return replies


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(url)
    return await asyncio.open_connection(address.hostname, address.port)


async def until_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, started: float) -> Reply:
    """Read until the server ends the connection, which is what must happen."""
    try:
        while await asyncio.wait_for(reader.read(65_536), PATIENCE_SECONDS):
            pass
        outcome = "cut off"
    except OSError:
        outcome = "cut off"
    except asyncio.TimeoutError:
        outcome = "held"
    finally:
        writer.transport.abort()
    return Reply(outcome, time.perf_counter() - started)


async def send_raw(url: str, head: bytes) -> Reply:
    """A request that no client library would send; the status of its answer."""
    started = time.perf_counter()
    reader, writer = await connect(url)
    try:
        writer.write(head)
        line = await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
        outcome = line.split()[1].decode() if line.startswith(b"HTTP/1.1 ") else f"{line[:40]!r}"
    except OSError as error:
        outcome = type(error).__name__
    except asyncio.TimeoutError:
        outcome = "held"
    finally:
        writer.transport.abort()
    return Reply(outcome, time.perf_counter() - started)
