"""An answer of a model that calls tools, and what is to be read out of it."""

from dataclasses import dataclass, field
from typing import Any

TOOLS: dict[str, dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "units": {"enum": ["metric", "imperial"]},
            "detail": {"type": "object"},
        },
        "required": ["city"],
    },
    "now": {"type": "object", "properties": {}},
}
PARIS = ("get_weather", {"city": "Paris"})
OSLO = ("get_weather", {"city": "Oslo", "days": 3})
NOW = ("now", {})


@dataclass(frozen=True)
class Example:
    """`answer` in `call_format` holds `calls`, and around them `text` and `reasoning`; `cut` is a call
    that has no end."""

    call_format: str
    answer: str
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    text: str = ""
    reasoning: str = ""
    opened: bool = False
    cut: tuple[str, str] | None = None
