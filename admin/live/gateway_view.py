"""The gateway as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from configuration.gateway_config import GatewayAlias
from reports.gateway import UpstreamReport
from supervision.suite import Suite


@dataclass(frozen=True)
class AliasRow:
    name: str
    model: str
    fallback: tuple[str, ...]
    system: str | None
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReachedDevice:
    """A device as the gateway has it; `cut`: answers that broke off, `repeated`: attempts that met nobody."""

    name: str
    reachable: bool
    active: int
    answered: int
    cut: int
    repeated: int


@dataclass(frozen=True)
class GatewayCard:
    enabled: bool
    host: str
    port: int
    wait_seconds: float
    state: str
    since: float
    pid: int | None
    restarts: int
    last_error: str | None
    last_log_lines: tuple[str, ...]
    aliases: tuple[AliasRow, ...]
    devices: tuple[ReachedDevice, ...]
    problem: str | None

    @property
    def running(self) -> bool:
        return self.state == "running"


def gateway_card(suite: Suite) -> GatewayCard:
    """Blocks for a look at its file."""
    settings = suite.gateway_store.current()
    status = suite.gateway.status()
    health = suite.gateway.health
    return GatewayCard(
        enabled=settings.enabled,
        host=settings.host,
        port=settings.port,
        wait_seconds=settings.wait_seconds,
        state=status.state,
        since=round(status.since, 1),
        pid=status.pid,
        restarts=status.restarts,
        last_error=status.last_error,
        last_log_lines=status.last_log_lines[-8:] if status.state == "failed" else (),
        aliases=tuple(_row(name, alias) for name, alias in settings.aliases.items()),
        devices=tuple(_reached(each) for each in health.devices) if health else (),
        problem=str(suite.gateway_store.problem) if suite.gateway_store.problem else None,
    )


def _row(name: str, alias: GatewayAlias) -> AliasRow:
    parameters = tuple((key, str(value)) for key, value in alias.parameters.items())
    return AliasRow(name, alias.model, tuple(alias.fallback), alias.system, parameters)


def _reached(report: UpstreamReport) -> ReachedDevice:
    return ReachedDevice(
        report.name, report.reachable, report.active_requests, report.answered, report.cut, report.repeated
    )
