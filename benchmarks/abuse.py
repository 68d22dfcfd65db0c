"""What a server does when it is abused, and what its other clients notice of it.

`python -m benchmarks.abuse` starts a device server with the demo model, lets each attack loose on it and measures
`GET /health` beside it. Figures: how the attack was answered, and how long /health took, in milliseconds.
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import percentile
from benchmarks.launch import DEMO_ID, demo_model, device_process

Attack = Callable[[str], Coroutine[Any, Any, Counter[str]]]
"""Base URL → how often the server answered what: a status, `cut off`, or the name of an error."""

PATH = "/v1/chat/completions"
SLOW_CONNECTIONS = 500
_SLOW_SECONDS = 10


def _chat(content: str = "hi", **more: object) -> bytes:
    body = {"model": DEMO_ID, "max_tokens": 4, "messages": [{"role": "user", "content": content}], **more}
    return json.dumps(body).encode()


async def _post(url: str, *bodies: bytes, path: str = PATH) -> Counter[str]:
    answers: Counter[str] = Counter()
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=120) as client:
        for body in bodies:
            try:
                answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
                answers[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                answers[type(error).__name__] += 1
    return answers


async def open_slowly(url: str, count: int) -> list[asyncio.StreamWriter]:
    """Connections on which the first byte of a request has been sent."""
    host, port = url.removeprefix("http://").split(":")
    opened = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(count)))
    for _, writer in opened:
        writer.write(b"G")
    return [writer for _, writer in opened]


async def slowloris(url: str) -> Counter[str]:
    """Many connections that send one byte of a request's head a second."""
    answers: Counter[str] = Counter()

    async def trickle(writer: asyncio.StreamWriter) -> None:
        try:
            for byte in b"ET / HTTP/1.1\r\nHost: x"[:_SLOW_SECONDS]:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
            answers["held"] += 1
        except OSError:
            answers["cut off"] += 1
        finally:
            writer.close()

    await asyncio.gather(*(trickle(writer) for writer in await open_slowly(url, SLOW_CONNECTIONS)))
    return answers


async def large_bodies(url: str) -> Counter[str]:
    return await _post(url, *(b"x" * 64_000_000 for _ in range(4)))


async def just_allowed_bodies(url: str) -> Counter[str]:
    return await _post(url, *(_chat("x" * 31_000_000) for _ in range(2)))


async def deep_json(url: str) -> Counter[str]:
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b'{"model": "x", "messages": ' + deep + b"}"
    return await _post(url, deep, body, b'{"a":' * 100_000, _chat(tools=[]).replace(b"[]", deep))


async def long_prompt(url: str) -> Counter[str]:
    """A million words."""
    return await _post(url, _chat("word " * 1_000_000))


async def many_messages(url: str) -> Counter[str]:
    turns = [{"role": "user" if number % 2 == 0 else "assistant", "content": "hi"} for number in range(10_000)]
    return await _post(url, _chat(messages=turns), _chat(messages=turns[:4001]))


async def broken_text(url: str) -> Counter[str]:
    """Invalid UTF-8, halves of surrogate pairs, NUL, no JSON at all."""
    bodies = (_chat("A"), _chat("\ud83d"), _chat("\0"), _chat("\ufeff"), b"\xff\xfe", b"\0", b"{", b"null", b'""')
    return await _post(url, bodies[0].replace(b"A", b"\xff\xc3\x28"), *bodies[1:])


ATTACKS: tuple[Attack, ...] = (
    slowloris,
    large_bodies,
    just_allowed_bodies,
    deep_json,
    long_prompt,
    many_messages,
    broken_text,
)


def _go_on(attack: Attack, url: str, seconds: float) -> Counter[str]:
    answers: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while not answers or time.monotonic() < deadline:
        answers += asyncio.run(attack(url))  # pyright: ignore
    return answers


async def health_during(url: str, attack: Attack, seconds: float) -> tuple[Counter[str], list[float]]:
    """The answers to an attack that goes on for `seconds`, and how long another client's /health took meanwhile, in
    seconds."""
    took: list[float] = []

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            while True:
                started = time.perf_counter()
                (await client.get("/health")).raise_for_status()
                took.append(time.perf_counter() - started)
                await asyncio.sleep(0.01)

    asking = asyncio.create_task(ask())
    loop = asyncio.get_running_loop()
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as attacker:  # its own work is not to be measured
            answers = await loop.run_in_executor(attacker, _go_on, attack, url, seconds)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    return answers, took


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        device_process(Path(folder), models=[demo_model(preload_count=1)]) as server,
    ):
        server.chat("hello")
        for attack in ATTACKS:
            answers, took = asyncio.run(health_during(server.url, attack, _SECONDS))
            figures = "  ".join(f"{name} {percentile(took, share) * 1000:6.1f}" for name, share in _SHARES)
            print(f"{attack.__name__:<20} {dict(answers)!s:<40} /health ms: {figures}  ({len(took)})", flush=True)
        print(f"alive: {server.chat('hello')[:40]!r}")


_SECONDS = 8
_SHARES = (("p50", 50), ("p95", 95), ("max", 100))

if __name__ == "__main__":
    main()
