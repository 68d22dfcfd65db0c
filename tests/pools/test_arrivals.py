"""Requests that come together are waited for; one alone never waits."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from pools.arrivals import ArrivalCounter, CountArrivals, arrived

NEVER = 1e6


def is_settled(arrivals: ArrivalCounter) -> bool:
    """Whether nobody would have to wait now."""
    waiting = arrivals.settle()
    try:
        waiting.send(None)
    except StopIteration:
        return True
    finally:
        waiting.close()
    return False


async def test_one_alone_does_not_wait() -> None:
    arrivals = ArrivalCounter(longest=NEVER)
    assert is_settled(arrivals)
    arrivals.begin()()
    assert is_settled(arrivals)


async def test_who_comes_first_waits_for_the_last() -> None:
    arrivals = ArrivalCounter(longest=NEVER)
    first, second = arrivals.begin(), arrivals.begin()
    first()
    first()  # said twice, counted once
    waiting = [asyncio.create_task(arrivals.settle()) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert not any(task.done() for task in waiting)
    second()
    await asyncio.gather(*waiting)
    assert is_settled(arrivals)


async def test_nobody_is_waited_for_longer_than_the_limit() -> None:
    arrivals = ArrivalCounter(longest=0.01)
    late = arrivals.begin()
    await asyncio.wait_for(arrivals.settle(), 10)
    await asyncio.sleep(0.02)
    assert is_settled(arrivals)
    late()
    assert is_settled(arrivals)


async def test_a_call_counts_until_it_has_arrived() -> None:
    arrivals = ArrivalCounter(longest=NEVER)
    seen: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(is_settled(arrivals))
        if scope["path"] == "/arrives":
            arrived()
            seen.append(is_settled(arrivals))
        if scope["path"] == "/fails":
            raise RuntimeError

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    counting = CountArrivals(app, arrivals=arrivals, is_counted=lambda path: path != "/other")
    calls = [("POST", "/arrives"), ("POST", "/ends"), ("POST", "/other"), ("GET", "/arrives")]
    for method, path in calls:
        await counting({"type": "http", "method": method, "path": path}, receive, send)
        assert is_settled(arrivals)
    try:
        await counting({"type": "http", "method": "POST", "path": "/fails"}, receive, send)
    except RuntimeError:
        assert is_settled(arrivals)
    assert seen == [False, True, False, True, True, True, False]
