"""The load generator, as a helper process: clients that stream chat completions, and a look at /health meanwhile."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import uvicorn

from tests.support.http_stream import StreamClient
from tests.support.messages import Answer, Job, Measured, Prompt, Ready, Target, messages_of, own_streams, receive, send


async def run(target: Target, job: Job) -> Measured:
    prompts = iter(job.prompts)
    answers: list[Answer] = []
    health: list[float] = []
    watching = asyncio.create_task(_watch_health(target, health, job.health_pause))
    started = time.perf_counter()
    streams = (_stream(target, job, prompts) for _ in range(job.streams))
    clients = await asyncio.gather(*streams, *(_late(target, job, prompt) for prompt in job.late))
    seconds = time.perf_counter() - started
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    answers = [client.answer() for finished in clients for client in finished]
    return Measured(seconds, answers, health)


async def _stream(target: Target, job: Job, prompts: Iterator[Prompt]) -> list[StreamClient]:
    """One client: an answer after the other until no prompt is left."""
    finished: list[StreamClient] = []
    for prompt in prompts:
        finished.append(await get_answer(target, chat_request(target, prompt, job.max_tokens)))
    return finished


async def _late(target: Target, job: Job, prompt: Prompt) -> list[StreamClient]:
    await asyncio.sleep(job.late_seconds)
    return [await get_answer(target, chat_request(target, prompt, job.max_tokens))]


async def _watch_health(target: Target, seconds: list[float], pause: float | None) -> None:
    if pause is None:
        return
    request = f"GET /health HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    while True:
        await asyncio.sleep(pause)
        seconds.append((await get_answer(target, request)).seconds)


async def get_answer(target: Target, request: bytes) -> StreamClient:
    """The whole answer on a connection of its own. Raises `BadAnswer` where it breaks off."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: StreamClient(request), target.host, target.port)
    await client.complete
    return client


def chat_request(target: Target, prompt: Prompt, max_tokens: int) -> bytes:
    """A whole HTTP request for a streamed answer of just that length."""
    body = msgspec.json.encode(
        {
            "model": target.model,
            "messages": messages_of(prompt),
            "max_tokens": max_tokens,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )
    head = [f"POST /v1/chat/completions HTTP/1.1\r\nHost: {target.host}\r\nContent-Length: {len(body)}\r\n"]
    if target.key is not None:
        head.append(f"Authorization: Bearer {target.key}\r\n")
    return "".join([*head, "\r\n"]).encode() + body


def main() -> None:
    jobs, replies = own_streams()
    target = receive(jobs, Target)
    if target is None:
        return
    send(replies, Ready())
    while job := receive(jobs, Job):
        send(replies, _run_in_fast_loop(run(target, job)))


def _run_in_fast_loop(work: Coroutine[Any, Any, Measured]) -> Measured:
    make_loop = uvicorn.Config(app="").get_loop_factory()
    loop = make_loop() if make_loop else asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


if __name__ == "__main__":
    main()
