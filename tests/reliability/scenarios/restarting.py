"""A device's server is replaced again and again behind the gateway: no request fails."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import httpx

from tests.reliability.scenarios.clients import QUESTIONS, BrokenStream, answer, client, request
from tests.reliability.scenarios.result import Result


async def restart_behind_gateway(
    admin_url: str, device_url: str, gateway_url: str, model_id: str, *, times: int, clients: int
) -> Result:
    """Settings of the device gpu are applied so many times while so many clients stream from it."""
    body = {"device": "gpu", "enabled": True, "models": [model_id]}
    async with httpx.AsyncClient(base_url=admin_url, timeout=120, trust_env=False) as admin:

        async def apply(_: int) -> None:
            (await admin.post("/api/update_config", json=body)).raise_for_status()

        return await _under_load(
            f"{times} restarts behind the gateway under {clients} streams",
            device_url,
            gateway_url,
            model_id,
            apply,
            times=times,
            clients=clients,
            stream=True,
        )


async def kill_behind_gateway(device_url: str, gateway_url: str, model_id: str, *, times: int, clients: int) -> Result:
    """The device gpu's server is killed so many times while so many clients wait for whole answers."""

    async def kill(pid: int) -> None:
        os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    return await _under_load(
        f"{times} killed servers behind the gateway under {clients} whole answers",
        device_url,
        gateway_url,
        model_id,
        kill,
        times=times,
        clients=clients,
        stream=False,
    )


async def _under_load(
    name: str,
    device_url: str,
    gateway_url: str,
    model_id: str,
    replace: Callable[[int], Awaitable[None]],
    *,
    times: int,
    clients: int,
    stream: bool,
) -> Result:
    result = Result(name)
    stop = asyncio.Event()
    answered = 0
    failed: list[str] = []
    longest = 0.0

    async def ask(http: httpx.AsyncClient, number: int) -> None:
        nonlocal answered, longest
        # Half of them name the device, half leave the choice to the gateway.
        model = f"gpu-{model_id}" if number % 2 else model_id
        while not stop.is_set():
            started = time.monotonic()
            try:
                await _answer(http, model, number, stream=stream)
                answered += 1
            except (BrokenStream, httpx.HTTPError) as error:
                failed.append(repr(error))
            longest = max(longest, time.monotonic() - started)

    async with client(gateway_url) as http, client(device_url) as device:
        await _until_it_answers(http)
        asking = [asyncio.create_task(ask(http, number)) for number in range(clients)]
        for _ in range(times):
            await asyncio.sleep(1)
            before: int = (await device.get("/health")).json()["pid"]
            await replace(before)
            while await _pid(device) in (None, before):  # noqa: ASYNC110  another process's state
                await asyncio.sleep(0.1)
            # On a busy machine loading takes longer than a server that ends has time for its last answers.
            enough = answered + clients
            while answered < enough and not failed:  # noqa: ASYNC110  several tasks' state
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*asking)
    result.figures = {"answered": answered, "failed": len(failed), "longest request s": f"{longest:.1f}"}
    result.expect(not failed, f"not every request was answered: {failed[:2]}")
    result.expect(answered > times, "there was no load")
    return result


async def _answer(http: httpx.AsyncClient, model: str, number: int, *, stream: bool) -> None:
    body = request(model, QUESTIONS[number % len(QUESTIONS)])
    if stream:
        await answer(http, body)
    else:
        (await http.post("/v1/chat/completions", json={**body, "stream": False})).raise_for_status()


async def _pid(device: httpx.AsyncClient) -> int | None:
    try:
        return (await device.get("/health")).json()["pid"]
    except httpx.HTTPError:
        return None


async def _until_it_answers(http: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            if (await http.get("/health")).is_success:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("the gateway does not answer")
