"""The suite: one supervised device server for each device in `device_config.json`, and the gateway to all of them."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from activity.history import RequestHistory
from configuration.device_config import ConfigError, ConfigStore, DeviceSettings
from configuration.gateway_config import GATEWAY_FILE, GatewayStore
from notices import Notice
from reports.device import Health, MemoryReport
from supervision.device_supervisor import DeviceState, DeviceStatus, DeviceSupervisor
from supervision.gateway_supervisor import GATEWAY, GatewaySupervisor
from supervision.launch import Launch, Timing
from supervision.logs import DeviceLog
from supervision.server_supervisor import ServerSupervisor
from web.tls import verification

__all__ = ["DeviceState", "DeviceStatus", "DeviceSupervisor", "Launch", "Suite", "Timing", "UnknownDevice"]

logger = logging.getLogger(__name__)


class UnknownDevice(LookupError):
    """No device of this name is configured."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(Notice("notices.no_device", name=name, known=", ".join(known) or "none"))


class Suite:
    """All device servers. With `run_devices` False it knows them and starts none.

    Where the configuration file is broken the last good one holds; `store.problem` tells.
    """

    def __init__(
        self,
        store: ConfigStore,
        launch: Launch,
        *,
        run_devices: bool = True,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._launch = launch
        self._run_devices = run_devices
        self._timing = timing or Timing()
        self._clock = clock
        self._supervisors: dict[str, DeviceSupervisor] = {}
        self._logs: dict[str, DeviceLog] = {}
        self._activities: defaultdict[str, RequestHistory] = defaultdict(RequestHistory)
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._gateway: GatewaySupervisor | None = None
        self.gateway_store = GatewayStore(launch.data_dir / GATEWAY_FILE)

    async def start(self) -> None:
        """Begin starting every device; their states tell how far they are. Raises `ConfigError` or FileNotFoundError
        where there is no usable configuration."""
        configuration = self._store.current()
        if self._store.problem is not None:
            logger.error("%s The last good configuration is used.", self._store.problem)
        self._client = httpx.AsyncClient(
            trust_env=False,
            headers={"Connection": "close", **self._launch.credentials()},
            limits=httpx.Limits(max_keepalive_connections=0),
            verify=verification(self._launch.tls),
        )
        for name, settings in configuration.devices.items():
            self._supervisors[name] = self._make_supervisor(name, settings, self._client)
        self._gateway = GatewaySupervisor(
            self.gateway_store, config_path=self._store.path, log=self._log(GATEWAY), **self._shared(self._client)
        )
        if self._run_devices:
            for supervisor in (*self._supervisors.values(), self._gateway):
                await supervisor.start()

    async def stop(self, ask_seconds: float = 4) -> None:
        """End all device servers; requests in progress have `ask_seconds` to finish."""
        await asyncio.gather(*(supervisor.stop(ask_seconds) for supervisor in self._all()))
        for log in self._logs.values():
            log.close()
        if self._client is not None:
            await self._client.aclose()

    def kill(self) -> None:
        """End all device servers on the spot, for a program that ends now. May be called in a signal handler."""
        for supervisor in self._all():
            supervisor.kill()

    @property
    def gateway(self) -> GatewaySupervisor:
        if self._gateway is None:
            raise RuntimeError("the suite is not started")
        return self._gateway

    async def apply_gateway(self) -> None:
        """Start, restart or stop the gateway as its file now says. Returns when an old process has ended."""
        if self._run_devices:
            await self._to_the_end(self.gateway.apply(self.gateway_store.current()))

    async def watch_configuration(self) -> None:
        """Begin failed servers afresh whenever a broken configuration has been repaired, until cancelled: it may be why
        they failed."""
        broken = self._broken()
        while True:
            await asyncio.sleep(self._timing.poll)
            was_broken, broken = broken, await asyncio.to_thread(self._broken)
            if was_broken and not broken:
                for supervisor in self._all():
                    if supervisor.status().state == "failed":
                        await self._again(supervisor)

    def _broken(self) -> bool:
        with contextlib.suppress(ConfigError, OSError):
            self._store.current()
        self.gateway_store.current()
        return self._store.problem is not None or self.gateway_store.problem is not None

    async def _again(self, supervisor: ServerSupervisor[Any]) -> None:
        if supervisor is self._gateway:
            await self.apply_gateway()
        elif supervisor.name in self._store.current().devices:
            await self.apply(supervisor.name)

    async def apply(self, name: str) -> None:
        """Begin `name` afresh with what the configuration now says of it: start, restart or stop. Returns when the old
        process has ended; goes on to the end even if the caller is cancelled. Raises `UnknownDevice`."""
        settings = self._store.current().devices.get(name)
        supervisor = self._supervisors.get(name)
        if settings is None:
            if supervisor is None:
                raise UnknownDevice(name, list(self._supervisors))
            del self._supervisors[name]
            await self._to_the_end(supervisor.stop())
            return
        if self._client is None:
            raise RuntimeError("the suite is not started")
        if supervisor is None:
            supervisor = self._supervisors[name] = self._make_supervisor(name, settings, self._client)
        if self._run_devices:
            await self._to_the_end(supervisor.apply(settings))
        else:
            self._supervisors[name] = self._make_supervisor(name, settings, self._client)

    @property
    def launch(self) -> Launch:
        """How its device servers were started, and so how they are reached."""
        return self._launch

    def statuses(self) -> list[DeviceStatus]:
        """In the order of the configuration file."""
        return [supervisor.status() for supervisor in self._supervisors.values()]

    def status(self, name: str) -> DeviceStatus:
        """Raises `UnknownDevice`."""
        return self._find(name).status()

    def health(self, name: str) -> Health | None:
        """The latest answer of the running device's /health, None before the first. Raises `UnknownDevice`."""
        return self._find(name).health

    def memory(self, name: str) -> MemoryReport | None:
        """The same of /memory."""
        return self._find(name).memory

    def activity(self, name: str) -> RequestHistory:
        """Raises `UnknownDevice`."""
        return self._find(name).activity

    def log(self, name: str) -> DeviceLog:
        """A device's, or the gateway's. Raises `UnknownDevice`."""
        if name != GATEWAY or name in self._supervisors:
            self._find(name)
        return self._logs[name]

    def _find(self, name: str) -> DeviceSupervisor:
        try:
            return self._supervisors[name]
        except KeyError:
            raise UnknownDevice(name, list(self._supervisors)) from None

    def _make_supervisor(self, name: str, settings: DeviceSettings, client: httpx.AsyncClient) -> DeviceSupervisor:
        return DeviceSupervisor(
            name,
            settings,
            config_path=self._store.usable_path,
            activity=self._activities[name],
            log=self._log(name),
            **self._shared(client),
        )

    def _shared(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """What every supervisor is given."""
        return {"launch": self._launch, "client": client, "timing": self._timing, "clock": self._clock}

    def _log(self, name: str) -> DeviceLog:
        if name not in self._logs:
            self._logs[name] = DeviceLog(self._launch.data_dir / "logs" / f"{name}.log", clock=self._clock)
        return self._logs[name]

    def _all(self) -> list[ServerSupervisor[Any]]:
        return [*self._supervisors.values(), *([self._gateway] if self._gateway else [])]

    async def _to_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)
