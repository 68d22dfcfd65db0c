"""Keeps one device server running, and what it says of itself."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from activity.history import RequestHistory
from configuration.device_config import DeviceSettings
from notices import Notice
from reports.device import Health, Live, MemoryReport
from supervision.server_status import ServerState, ServerStatus
from supervision.server_supervisor import ServerSupervisor

__all__ = ["DeviceState", "DeviceStatus", "DeviceSupervisor"]

DeviceState = ServerState
DeviceStatus = ServerStatus


class DeviceSupervisor(ServerSupervisor[Live]):
    """`health` and `memory`: the latest answers, None while there are none."""

    answer_type = Live

    def __init__(
        self,
        name: str,
        settings: DeviceSettings,
        *,
        config_path: Callable[[], Path],
        activity: RequestHistory,
        **options: Any,
    ) -> None:
        """`options`: those of `ServerSupervisor`."""
        self.settings = settings
        self.health: Health | None = None
        self.memory: MemoryReport | None = None
        self.activity = activity
        self._config_path = config_path
        super().__init__(name, **options)

    @property
    def address(self) -> tuple[str, int]:
        return self._launch.host, self.settings.port

    async def apply(self, settings: DeviceSettings) -> None:
        """Take over `settings` and begin afresh with them, whatever the state was."""

        def take_over() -> None:
            self.settings = settings

        await self._apply(take_over, runs_on=_wanted(settings))

    def _wanted(self) -> bool:
        return _wanted(self.settings)

    def _resting_state(self) -> ServerState:
        return "no_models" if self.settings.enabled and not self.settings.models else "disabled"

    def _command(self, descriptors: Sequence[int]) -> list[str]:
        return self._launch.command(self.name, self.settings, self._config_path(), descriptors)

    def _question(self) -> str:
        return f"/live?since={self.activity.cursor}"

    def _hear(self, answer: Live) -> None:
        self.health, self.memory = answer.health, answer.memory
        self.activity.take(answer.activity)

    def _ended(self) -> None:
        self.health = self.memory = None
        self.activity.lose_running()

    def _way_out(self) -> str:
        return Notice("notices.port_way_out", device=self.name)


def _wanted(settings: DeviceSettings) -> bool:
    return settings.enabled and bool(settings.models)
