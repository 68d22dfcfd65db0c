"""What `bench` measures, as it is written down, and two of such reports beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec


class BenchMachine(msgspec.Struct, frozen=True):
    """What the figures depend on beside the model. `power_profile` is empty where the system tells of none."""

    device: str
    driver: str | None
    system: str
    python: str
    openvino: str
    openvino_genai: str
    on_battery: bool
    power_profile: str


class BenchRow(msgspec.Struct, frozen=True):
    """Prompts of so many tokens, each new, answered with 64 tokens at temperature 0 on so many streams at once: the
    median time to the first token, tokens of answers per second from first request to last token, and the memory that
    the instance has then (bytes)."""

    prompt_tokens: int
    streams: int
    first_token_ms: float
    tokens_per_second: float
    memory_bytes: int | None


class BenchReport(msgspec.Struct, frozen=True):
    """`skipped` says of each row that was left out why."""

    model: str
    quantization: str | None
    pipeline: str
    measured_at: str
    machine: BenchMachine
    load_seconds: float
    rows: list[BenchRow]
    skipped: list[str] = []


def read_report(path: Path) -> BenchReport:
    """Raises OSError, and ValueError on a file that is no report."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=BenchReport)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path.name} is not a report of bench: {error}") from error


def compared(one: BenchReport, other: BenchReport) -> list[tuple[BenchRow, BenchRow]]:
    """The rows that both have."""
    rows = {(row.prompt_tokens, row.streams): row for row in other.rows}
    return [(row, rows[key]) for row in one.rows if (key := (row.prompt_tokens, row.streams)) in rows]


def differences(one: BenchReport, other: BenchReport) -> Sequence[str]:
    """What else is not the same of two reports, which the comparison then is of too."""
    pairs = {
        "model": (one.model, other.model),
        "quantization": (one.quantization, other.quantization),
        "pipeline": (one.pipeline, other.pipeline),
        **{name: (getattr(one.machine, name), getattr(other.machine, name)) for name in BenchMachine.__struct_fields__},
    }
    return [f"{name}: {first} | {second}" for name, (first, second) in pairs.items() if first != second]
