"""keep_alive in its four forms, as /api/ps and the process list show it."""

import asyncio
from datetime import datetime, timezone

import psutil

from tests.reliability.scenarios.result import Result
from tests.support.launch import DeviceProcess

_PATIENCE_SECONDS = 30
_FOR_EVER_SECONDS = 365 * 24 * 3600


async def lifetimes(server: DeviceProcess, *, watch_seconds: float) -> Result:
    """0 and "2s" must end the instance, 300 and -1 must leave it alone for as long as is watched."""
    result = Result('keep_alive 0, "2s", 300 and -1')
    for keep_alive, least in ((0, 0.0), ("2s", 2.0)):
        seconds = await _seconds_until_gone(server, keep_alive)
        result.figures[f"gone after {keep_alive}"] = "never" if seconds is None else f"{seconds:.1f} s"
        result.expect(seconds is not None, f"keep_alive {keep_alive!r} did not end the instance")
        # The clock of the client starts when it has read the answer, a little after the server's.
        result.expect(seconds is None or seconds > least - 0.5, f"keep_alive {keep_alive!r} ended after {seconds} s")
    for keep_alive, low, high in ((300, 240.0, 300.0), (-1, _FOR_EVER_SECONDS, float("inf"))):
        worker, left = await _still_there(server, keep_alive, watch_seconds)
        shown = "forever" if left > _FOR_EVER_SECONDS else f"{left:.0f} s"
        result.figures[f"left of {keep_alive} after {watch_seconds:.0f} s"] = shown
        result.expect(low < left + watch_seconds <= high + 1, f"/api/ps shows {left} s left of {keep_alive}")
        result.expect(worker, f"keep_alive {keep_alive!r}: the worker changed or ended")
    return result


async def _seconds_until_gone(server: DeviceProcess, keep_alive: float | str) -> float | None:
    """From the answer until neither /api/ps nor the process list shows the instance; None if that never came."""
    await _ask(server, keep_alive)
    loop = asyncio.get_running_loop()
    started = loop.time()
    while loop.time() - started < _PATIENCE_SECONDS:
        if not server.get("/api/ps")["models"] and not server.workers():
            return loop.time() - started
        await asyncio.sleep(0.05)
    return None


async def _still_there(server: DeviceProcess, keep_alive: float | str, seconds: float) -> tuple[bool, float]:
    """Whether the same process is there after so many seconds, and what /api/ps then says is left."""
    await _ask(server, keep_alive)
    before = server.workers()
    await asyncio.sleep(seconds)
    running = server.get("/api/ps")["models"]
    expiry = datetime.fromisoformat(running[0]["expires_at"].replace("Z", "+00:00")) if running else None
    left = (expiry - datetime.now(timezone.utc)).total_seconds() if expiry else 0.0
    return bool(before) and server.workers() == before and all(map(psutil.pid_exists, before)), left


async def _ask(server: DeviceProcess, keep_alive: float | str) -> None:
    body = {"model": server.model, "prompt": "hi", "stream": False, "options": {"num_predict": 2}}
    answer = await asyncio.to_thread(server.post, "/api/generate", {**body, "keep_alive": keep_alive})
    answer.raise_for_status()
