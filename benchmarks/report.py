"""The results as a table for people and as JSON for programs."""

from pathlib import Path

import msgspec

from benchmarks.figures import Memory, Pair, Spread, Summary
from benchmarks.machine import Machine

_MB = 1e6
_MS = 1e3
_US = 1e6


class Results(msgspec.Struct, frozen=True):
    """Everything a run of the benchmark found. `arguments` is its command line."""

    arguments: list[str]
    machine: Machine
    memory: Memory
    summaries: list[Summary]
    pairs: list[Pair]


def write_json(results: Results, path: Path) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def table(results: Results) -> str:
    """Medians of the pairs, in Markdown; the ratio with its least and greatest value."""
    machine, memory = results.machine, results.memory
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    heading = f"{machine.processor}, {machine.logical_cores} logical cores, {machine.system}; {packages}"
    columns = [
        ("streams", lambda row: str(row.streams)),
        ("bare tok/s", lambda row: f"{row.bare.median:.1f}"),
        ("served tok/s", lambda row: f"{row.served.median:.1f}"),
        ("served/bare", lambda row: _ratio(row.ratio)),
        ("first token ms, bare → served", lambda row: _both(row.bare_first_token, row.served_first_token)),
        ("between tokens p50 ms", lambda row: _both(row.bare_between_p50, row.served_between_p50)),
        ("between tokens p95 ms", lambda row: _both(row.bare_between_p95, row.served_between_p95)),
        ("between tokens p99 ms", lambda row: _both(row.bare_between_p99, row.served_between_p99)),
        ("server CPU µs/token", lambda row: f"{row.server_cpu / 1000 * _US:.0f}"),
        ("/health ms p50 · p95", lambda row: f"{row.health_p50 * _MS:.1f} · {row.health_p95 * _MS:.1f}"),
    ]
    if any(row.peer for row in results.summaries):
        columns.insert(3, ("peer tok/s", lambda row: f"{row.peer.median:.1f}" if row.peer else ""))
    lines = [
        [name for name, _ in columns],
        ["---:"] * len(columns),
        *([cell(row) for _, cell in columns] for row in results.summaries),
    ]
    footing = (
        f"Memory (resident): device server {memory.server_idle / _MB:.0f} MB without an instance, "
        f"{memory.server / _MB:.0f} MB at the end; instance {memory.instance / _MB:.0f} MB, "
        f"bare process {memory.bare / _MB:.0f} MB."
    )
    return "\n".join([heading, "", *("| " + " | ".join(line) + " |" for line in lines), "", footing])


def _ratio(spread: Spread) -> str:
    return f"{spread.median:.3f} ({spread.least:.3f}–{spread.greatest:.3f})"


def _both(bare: Spread, served: Spread) -> str:
    return f"{bare.median * _MS:.1f} → {served.median * _MS:.1f}"
