"""Letting other devices of the network in, and shutting them out again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from administration.errors import AdministrationError
from administration.service import Administration
from configuration.server_config import LAN_HOST, UnusableServerConfig, change_server_config
from keys.key import SCOPES, Key
from web.listening import is_loopback

LAN_KEY_NAME = "LAN"


@dataclass(frozen=True)
class LanSwitch:
    """`host_given`: the address was named on the command line. `restart` starts the suite again in this process, None
    where nobody can."""

    administration: Administration
    data_dir: Path
    host: str
    host_given: bool
    restart: Callable[[], Callable[[], None] | None]

    @property
    def on(self) -> bool:
        """Whether other devices reach this server now."""
        return not is_loopback(self.host)

    async def turn(self, enabled: bool) -> tuple[Key, str] | None:
        """Write it down and start again. The key with its secret that was made because there was none to manage with.
        Raises `AdministrationError` and OSError."""
        if self.host_given:
            raise AdministrationError(409, "lan_host_given", host=self.host)
        made = await self._key() if enabled else None
        try:
            await asyncio.to_thread(change_server_config, self.data_dir, lan=enabled)
        except UnusableServerConfig as error:
            raise AdministrationError(409, "server_config_broken", problem=str(error)) from error
        self._move_gateway(enabled)
        if restart := self.restart():
            # The answer is to reach the browser first.
            asyncio.get_running_loop().call_later(0.3, restart)
        return made

    async def _key(self) -> tuple[Key, str] | None:
        store = self.administration.access.store
        if any(key.allows("admin") for key in store.all()):
            return None
        taken = {key.name for key in store.all()}
        names = (f"{LAN_KEY_NAME} {number or ''}".strip() for number in range(len(taken) + 1))
        name = next(name for name in names if name not in taken)
        return await self.administration.create_key(name, SCOPES)

    def _move_gateway(self, enabled: bool) -> None:
        """The gateway goes along, but not one that was given an address of its own."""
        before = self.administration.gateway.current().host
        if before in ("127.0.0.1", LAN_HOST):
            host = LAN_HOST if enabled else "127.0.0.1"
            self.administration.gateway.change(lambda settings: settings.model_copy(update={"host": host}))
