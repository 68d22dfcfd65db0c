"""Recent requests of all devices, as rows of the page and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reports.requests import Request
from supervision.suite import Suite


@dataclass(frozen=True)
class ActivityRow:
    """One request and the device that it went to."""

    device: str
    entry: Request

    @property
    def api(self) -> str:
        """Whose API was called, as its path tells."""
        path = self.entry.path
        if path.startswith("/api/"):
            return "Ollama"
        return "Anthropic" if path.startswith("/v1/messages") else "OpenAI"

    @property
    def program(self) -> str:
        """The first product of the User-Agent header, without its version: `OpenAI/Python 1.99` is OpenAI/Python."""
        product = self.entry.agent.split("(")[0].strip()
        if "/" not in product:
            return product[:30]
        name, _, version = product.partition(" ")[0].partition("/")
        return name if not version or version[0].isdigit() else f"{name}/{version}"

    @property
    def model(self) -> str:
        """The model's own name: the last part, without the organisation."""
        return (self.entry.model or "").rpartition("/")[2]

    @property
    def text(self) -> str:
        """What a search looks through."""
        entry = self.entry
        parts = (entry.id, entry.model, entry.client, entry.agent, entry.path, entry.error, str(entry.status))
        return " ".join(filter(None, parts)).lower()


def running_rows(suite: Suite) -> tuple[ActivityRow, ...]:
    """Oldest first."""
    rows = [
        ActivityRow(status.name, entry) for status in suite.statuses() for entry in suite.activity(status.name).running
    ]
    return tuple(sorted(rows, key=lambda row: row.entry.time))


def find(suite: Suite, device: str, number: int) -> ActivityRow | None:
    """Raises `UnknownDevice`."""
    entry = suite.activity(device).find(number)
    return ActivityRow(device, entry) if entry else None


def since(suite: Suite, cursors: Mapping[str, int]) -> list[ActivityRow]:
    """Those that have ended after each device's cursor, newest first."""
    rows = [
        ActivityRow(status.name, entry)
        for status in suite.statuses()
        for entry in suite.activity(status.name).after(cursors.get(status.name, 0))
    ]
    return sorted(rows, key=lambda row: row.entry.time, reverse=True)


def as_json(row: ActivityRow) -> dict[str, Any]:
    return {"device": row.device, "api": row.api, **msgspec.structs.asdict(row.entry)}
