"""Keeps the gateway running: one more server process beside those of the devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configuration.gateway_config import GatewaySettings, GatewayStore
from notices import Notice
from reports.gateway import GatewayHealth
from supervision.server_supervisor import ServerSupervisor

GATEWAY = "gateway"


class GatewaySupervisor(ServerSupervisor[GatewayHealth]):
    """`health`: the latest answer of the gateway's /health, None while there is none."""

    answer_type = GatewayHealth

    def __init__(self, store: GatewayStore, *, config_path: Path, **options: Any) -> None:
        """`config_path`: the devices' configuration. `options`: those of `ServerSupervisor`."""
        self.store = store
        self.settings = store.current()
        self.health: GatewayHealth | None = None
        self._config_path = config_path
        super().__init__(GATEWAY, **options)

    @property
    def address(self) -> tuple[str, int]:
        return self.settings.host, self.settings.port

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        return self._launch.base_url(self.settings.port, self.settings.host)

    async def apply(self, settings: GatewaySettings) -> None:
        """Take over `settings`; the process begins afresh where that is needed. Aliases it reads by itself."""

        def take_over() -> None:
            self.settings = settings

        before = self.settings
        same = (before.enabled, before.host, before.port) == (settings.enabled, settings.host, settings.port)
        if same and self.status().state != "failed":
            take_over()
            return
        await self._apply(take_over, runs_on=settings.enabled)

    def _wanted(self) -> bool:
        return self.settings.enabled

    def _command(self, descriptors: Sequence[int]) -> list[str]:
        return self._launch.gateway_command(*self.address, self._config_path, descriptors)

    def _question(self) -> str:
        return "/health"

    def _hear(self, answer: GatewayHealth) -> None:
        self.health = answer

    def _ended(self) -> None:
        self.health = None

    def _way_out(self) -> str:
        return Notice("notices.gateway_port_way_out")
