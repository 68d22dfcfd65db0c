"""One thing that was looked at: how good or bad it is, as a key and values that any language can put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Level = Literal["ok", "note", "warning", "problem"]
Area = Literal["software", "devices", "memory", "storage", "network", "configuration"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "problem")


class Translate(Protocol):
    """The sentence of a key in one language, its placeholders filled."""

    def __call__(self, key: str, **values: object) -> str: ...


@dataclass(frozen=True)
class Finding:
    """The texts are `doctor.<id>.title`, `.detail` and, where something is to be done, `.<advice>` in the catalogues.

    subject: what it is about where several things are looked at (a device, a port); id and subject together are
    unique. command: what can be typed to follow the advice.
    """

    id: str
    level: Level
    area: Area
    values: Mapping[str, object] = field(default_factory=dict)
    subject: str | None = None
    advice: str | None = None
    command: str | None = None

    def render(self, t: Translate) -> dict[str, Any]:
        """For JSON, in the language of `t`."""
        values = {"subject": self.subject or "", **self.values}
        return {
            "id": self.id,
            "subject": self.subject,
            "level": self.level,
            "area": self.area,
            "title": t(f"doctor.{self.id}.title", **values),
            "detail": t(f"doctor.{self.id}.detail", **values),
            "advice": t(f"doctor.{self.id}.{self.advice}", **values) if self.advice else None,
            "command": self.command,
        }


def worst(findings: Sequence[Finding]) -> Level:
    return LEVELS[max((LEVELS.index(finding.level) for finding in findings), default=0)]
