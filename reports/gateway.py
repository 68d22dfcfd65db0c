"""What the gateway says of itself."""

from __future__ import annotations

from typing import Literal

import msgspec


class UpstreamReport(msgspec.Struct, frozen=True):
    """A device as the gateway has it. `answered`: answers passed back, `cut`: of them those that broke off, `repeated`:
    attempts that met nobody, `passed_over`: refusals after which another device was asked."""

    name: str
    url: str
    reachable: bool
    active_requests: int
    answered: int
    cut: int
    repeated: int
    passed_over: int


class GatewayHealth(msgspec.Struct, frozen=True):
    status: Literal["ok"]
    pid: int
    uptime_seconds: float
    aliases: list[str]
    config_problem: str | None
    devices: list[UpstreamReport]
