"""What a cluster does when its configuration changes under load, and when its clients leave."""

import asyncio
import time
from collections.abc import Callable

from tests.deploy.ray_cluster.losing import stream_meanwhile
from tests.reliability.scenarios.result import Result
from tests.support.load import chat_request
from tests.support.messages import Target

_CLEARED_SECONDS = 10.0


def update_under_load(target: Target, clients: int, tokens: int, change: Callable[[], None]) -> Result:
    """`change` deploys another configuration and returns when that is what runs."""
    result = Result("a new configuration is rolled out under load")
    started = time.monotonic()

    async def work() -> None:
        await asyncio.sleep(2)
        await asyncio.to_thread(change)
        await asyncio.sleep(2)

    streams = asyncio.run(stream_meanwhile(target, clients, tokens, work))
    outcomes = streams.asked_after(0)
    result.figures |= {"requests": dict(outcomes), "longest s": round(streams.longest_after(0), 1)}
    result.figures["took s"] = round(time.monotonic() - started - 4, 1)
    result.expect(set(outcomes) == {"whole"}, f"requests failed meanwhile: {outcomes}")
    return result


def leave(target: Target, clients: int, tokens: int, active: Callable[[], int]) -> Result:
    """`active`: the requests that the replicas work on."""
    result = Result("clients leave in the middle of long answers")
    asyncio.run(_begin_and_leave(target, clients, tokens))
    left = time.monotonic()
    while active() and time.monotonic() - left < _CLEARED_SECONDS:
        time.sleep(0.1)
    result.figures["cleared after s"] = round(time.monotonic() - left, 1)
    result.expect(not active(), "replicas still work for clients that have left")
    return result


async def _begin_and_leave(target: Target, clients: int, tokens: int) -> None:
    async def one() -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port)
        writer.write(chat_request(target, "Hello", tokens))
        await reader.readuntil(b"data: ")
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(clients)))
