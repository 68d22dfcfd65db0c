"""Faults at random, one after the other, each written into the book with its time."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import psutil

from tests.reliability.soaking import calls
from tests.reliability.soaking.book import Book, CallFailed, Fault, FaultKind
from tests.reliability.soaking.exercise import exercise
from tests.reliability.soaking.stage import DEVICES, EMBEDDING_ID, PULLED_ID, Stage, models_of
from tests.support.launch import DEMO_ID

WILD_UNTIL = 0.5
KILLS_UNTIL = 0.6
"""Shares of the soak. A process must have lived for a while for its memory to be judged: in the second half no device
server is ended and, but at its beginning those that embed, no instance. The other faults go on to the end."""
_EXERCISE = 0.11
"""Also a share; it comes to its end before memory counts."""
_PAUSE_SECONDS = (3.0, 9.0)
_SETTLE_SECONDS = 120.0
_PULSE_SECONDS = 0.5
_STANDSTILL_SECONDS = 10.0
_WEIGHTS = "openvino_model.bin"

_Happening = Callable[[], Coroutine[Any, Any, None]]


class Faults:
    def __init__(self, stage: Stage, book: Book, chance: random.Random, http: httpx.AsyncClient) -> None:
        self._stage = stage
        self._book = book
        self._chance = chance
        self._http = http
        self._device = "gpu"
        self._turns = 0
        self._exercising: asyncio.Task[None] | None = None

    async def warm_up(self) -> None:
        """What a first pull loads and writes for good."""
        await self._admin("GET", "/api/available_models?refresh=true")
        await self._cancel_pull()
        await self._pull()
        self._book.faults.clear()

    async def happen(self, seconds: float) -> None:
        """For so many seconds; `DEVICES` take turns, so that each gets its share."""
        wild: list[_Happening] = [self._kill_server, self._apply, self._apply, self._unload]
        harmless: list[_Happening] = [self._cancel_pull, self._cancel_pull, self._pull, self._break_file]
        began = time.monotonic()
        calm = False
        while (share := (time.monotonic() - began) / seconds) < 1:
            await asyncio.sleep(self._chance.uniform(*_PAUSE_SECONDS))
            if share < WILD_UNTIL:
                faults = harmless + wild + [partial(self._kill_worker, DEMO_ID, DEMO_ID, EMBEDDING_ID)] * 4
            else:
                faults = harmless + [partial(self._kill_worker, EMBEDDING_ID)] * 2 * (share < KILLS_UNTIL)
            self._turns += 1
            self._device = DEVICES[self._turns % len(DEVICES)]
            if share >= WILD_UNTIL and not calm:
                calm = True
                await self._begin_anew()
                self._exercising = asyncio.create_task(self._exercise(seconds * _EXERCISE))
            await self._chance.choice(faults)()
        if self._exercising is not None:
            await self._exercising

    @asynccontextmanager
    async def _fault(self, kind: FaultKind, device: str | None) -> AsyncIterator[None]:
        began = time.monotonic()
        try:
            yield
        except CallFailed as error:
            self._book.troubles.append(f"{kind}: {error}")
        self._book.faults.append(Fault(kind, device, began, time.monotonic()))

    async def _kill_worker(self, *models: str) -> None:
        """Of an instance that is ready: killed in vain three times in a row while loading, a model is given up."""
        device = self._device
        path = f"{self._stage.url(device)}/model/instances?model={self._chance.choice(models)}"
        found = (await calls.request(self._http, "GET", path)).json()["instances"]
        if found:
            async with self._fault("worker killed", device):
                _kill(self._chance.choice(found)["pid"])

    async def _kill_server(self) -> None:
        device = await self._settled()
        if device["pid"] is not None:
            async with self._fault("server killed", self._device):
                _kill(device["pid"])
            await self._settled()

    async def _begin_anew(self) -> None:
        """The usual settings: with a short time-out no instance would live long enough to be judged."""
        for device in DEVICES:
            self._device = device
            await self._apply_models(models_of(device))

    async def _exercise(self, seconds: float) -> None:
        try:
            await exercise(self._http, self._stage.url("gpu"), seconds)
        except CallFailed as error:
            self._book.troubles.append(f"exercising: {error}")

    async def _apply(self) -> None:
        concurrent, timeout = self._chance.choice((2, 4, 16)), self._chance.choice((2, 300))
        await self._apply_models(models_of(self._device, max_concurrent=concurrent, idle_timeout=timeout))

    async def _apply_models(self, models: list[dict[str, Any]]) -> None:
        await self._settled()
        limits = {"keep_prompts": self._chance.random() < 0.5, "max_queue": self._chance.choice((64, 256))}
        body = {"device": self._device, "enabled": True, "models": models, "limits": limits}
        async with self._fault("configuration applied", self._device):
            await calls.request(self._http, "POST", f"{self._stage.suite.url}/api/update_config", json=body)
        await self._settled()

    async def _break_file(self) -> None:
        """A user saves half of the file from an editor, looks, and saves the whole."""
        path = self._stage.data_dir / "device_config.json"
        async with self._fault("configuration file broken", None):
            whole = path.read_bytes()
            path.write_bytes(whole[: self._chance.randrange(1, len(whole) - 2)])
            try:
                await asyncio.sleep(self._chance.uniform(0.5, 2))
                status = await self._admin("GET", "/api/status")
            finally:
                path.write_bytes(whole)
            if not status["config_problem"]:
                raise CallFailed("wrong", "the broken file went unnoticed")

    async def _unload(self) -> None:
        async with self._fault("instances unloaded", self._device):
            await calls.request(self._http, "POST", f"{self._stage.url(self._device)}/model/cleanup")

    async def _cancel_pull(self) -> None:
        self._stage.hub.faults.delay(_WEIGHTS, 0.05)
        async with self._fault("pull cancelled", None):
            job = await self._begin_pull()
            await asyncio.sleep(self._chance.uniform(0, 3))
            await self._admin("DELETE", f"/api/pull_jobs/{job['id']}")
            if (state := (await self._pulled(job))["state"]) != "cancelled":
                raise CallFailed("wrong", f"a cancelled pull became {state}")

    async def _pull(self) -> None:
        self._stage.hub.faults.delay(_WEIGHTS, 0)
        async with self._fault("pull finished and deleted", None):
            job = await self._pulled(await self._begin_pull())
            if job["state"] != "ready":
                raise CallFailed("wrong", f"a pull became {job['state']}: {job['error']}")
            await self._admin("DELETE", f"/api/local_models/{PULLED_ID}")

    async def _begin_pull(self) -> dict[str, Any]:
        body = {"model_id": PULLED_ID}
        response = await self._http.post(f"{self._stage.suite.url}/api/pull_model", json=body)
        if response.status_code != 202:
            raise CallFailed("refused", f"{response.status_code} {response.text[:200]}", response.status_code)
        return response.json()["job"]

    async def _pulled(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job once it has ended, and off the list."""
        ended = False
        while not ended:
            await asyncio.sleep(0.1)
            jobs = (await self._admin("GET", "/api/pull_jobs"))["jobs"]
            job = next(each for each in jobs if each["id"] == job["id"])
            ended = job["state"] in ("ready", "failed", "cancelled")
        if job["state"] == "failed":
            await self._admin("DELETE", f"/api/pull_jobs/{job['id']}")
        await self._admin("DELETE", f"/api/pull_jobs/{job['id']}/entry")
        return job

    async def _settled(self) -> dict[str, Any]:
        """The device once it runs: five ends in a row before the first answer make it fail, as they should."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            devices = (await self._admin("GET", "/api/status"))["devices"]
            device = next(each for each in devices if each["name"] == self._device)
            if device["state"] == "running":
                return device
            if time.monotonic() > deadline:
                self._book.troubles.append(f"{self._device} is {device['state']} after {_SETTLE_SECONDS:g} s")
                return device
            await asyncio.sleep(0.2)

    async def _admin(self, method: str, path: str) -> Any:
        return (await calls.request(self._http, method, self._stage.suite.url + path)).json()


async def watch_machine(book: Book) -> None:
    """Note when this process does not get to run either: no other could be expected to answer then."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(_PULSE_SECONDS)
        now = time.monotonic()
        if now - before > _STANDSTILL_SECONDS:
            book.faults.append(Fault("machine stood still", None, before, now))
        before = now


def _kill(pid: int) -> None:
    try:
        psutil.Process(pid).kill()
    except psutil.NoSuchProcess:
        return
