"""One bucket's figures of a device, or of a model on it, and how two of them become one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Sample:
    """Sums over a bucket's readings, and maxima where `most` says so.

    `seconds` is how long the device was watched: none means that nothing is known. Requests and their prompts count
    when they end, answer tokens as they come. `first_token_seconds` is the sum over `first_tokens` requests.
    """

    seconds: float = 0.0
    requests: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_tokens: int = 0
    first_token_seconds: float = 0.0
    most_memory_bytes: int = 0
    most_queued: int = 0

    def add(self, other: Sample) -> None:
        for name in COLUMNS:
            mine, others = getattr(self, name), getattr(other, name)
            setattr(self, name, max(mine, others) if is_maximum(name) else mine + others)

    def values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in COLUMNS)

    @property
    def empty(self) -> bool:
        return not any(self.values())


def is_maximum(column: str) -> bool:
    return column.startswith("most_")


COLUMNS = tuple(field.name for field in fields(Sample))


@dataclass
class Total:
    """What one model was asked under one key on one day."""

    requests: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0


TOTAL_COLUMNS = tuple(field.name for field in fields(Total))

SampleKey = tuple[str, str]
"""Device and model; the device's own figures have an empty model."""

TotalKey = tuple[str, str, str, str]
"""Day (ISO 8601), device, model, id of the API key; what is not known is empty."""
