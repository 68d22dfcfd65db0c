"""Settings are applied again and again under load: no request is refused, no stream breaks."""

import asyncio
import time

import httpx

from tests.reliability.scenarios.clients import QUESTIONS, BrokenStream, answer, client, request
from tests.reliability.scenarios.result import Result


async def apply_under_load(
    admin_url: str, device_url: str, device: str, model_id: str, *, times: int, clients: int
) -> Result:
    """「套用並重啟」 so many times, each once the device runs again, under so many clients."""
    result = Result(f"settings applied {times} times under {clients} clients")
    stop = asyncio.Event()
    counts = {"answered": 0, "refused connections": 0, "broken streams": 0}
    broken: list[str] = []
    longest = 0.0

    async def ask(http: httpx.AsyncClient, number: int) -> None:
        nonlocal longest
        while not stop.is_set():
            started = time.monotonic()
            try:
                await answer(http, request(f"{device}-{model_id}", QUESTIONS[number % len(QUESTIONS)]))
                counts["answered"] += 1
            except httpx.ConnectError as error:
                counts["refused connections"] += 1
                broken.append(repr(error))
            except (BrokenStream, httpx.HTTPError) as error:
                counts["broken streams"] += 1
                broken.append(repr(error))
            longest = max(longest, time.monotonic() - started)

    async with client(device_url) as http, httpx.AsyncClient(base_url=admin_url, timeout=120, trust_env=False) as admin:
        asking = [asyncio.create_task(ask(http, number)) for number in range(clients)]
        for _ in range(times):
            await asyncio.sleep(1)
            before = (await http.get("/health")).json()["pid"]
            body = {"device": device, "enabled": True, "models": [model_id]}
            (await admin.post("/api/update_config", json=body)).raise_for_status()
            while (await http.get("/health")).json()["pid"] == before:  # noqa: ASYNC110  another process's state
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*asking)
    result.figures = {**counts, "longest request s": f"{longest:.1f}"}
    result.expect(not broken, f"not every request was answered: {broken[:2]}")
    result.expect(counts["answered"] > times, "there was no load")
    return result
