"""Measurements as the page shows them: each beside the one before it of the same model on the same device."""

from __future__ import annotations

from dataclasses import dataclass

from admin.live.bench_runs import BenchStatus, StoredReport
from tuning.bench_report import BenchReport, BenchRow, differences

MOST_SHOWN = 10


@dataclass(frozen=True)
class BenchLine:
    """`before`: the same row of the earlier report. The bars are in percent of the longest."""

    row: BenchRow
    before: BenchRow | None
    bar: float
    bar_before: float

    @property
    def speed_change(self) -> float | None:
        """Percent."""
        return _change(self.row.tokens_per_second, self.before and self.before.tokens_per_second)

    @property
    def first_token_change(self) -> float | None:
        return _change(self.row.first_token_ms, self.before and self.before.first_token_ms)


@dataclass(frozen=True)
class BenchTable:
    device: str
    report: BenchReport
    before: BenchReport | None
    lines: tuple[BenchLine, ...]
    differences: tuple[str, ...]


def bench_tables(status: BenchStatus) -> tuple[BenchTable, ...]:
    """The latest first."""
    shown = status.reports[:MOST_SHOWN]
    return tuple(_table(stored, _earlier(status.reports[index + 1 :], stored)) for index, stored in enumerate(shown))


def _earlier(older: tuple[StoredReport, ...], stored: StoredReport) -> BenchReport | None:
    same = (each.report for each in older if (each.device, each.report.model) == (stored.device, stored.report.model))
    return next(same, None)


def _table(stored: StoredReport, before: BenchReport | None) -> BenchTable:
    report = stored.report
    known = {(row.prompt_tokens, row.streams): row for row in before.rows} if before else {}
    pairs = [(row, known.get((row.prompt_tokens, row.streams))) for row in report.rows]
    longest = max((each.tokens_per_second for pair in pairs for each in pair if each), default=0.0) or 1.0
    lines = tuple(
        BenchLine(
            row, old, _share(row.tokens_per_second, longest), _share(old.tokens_per_second if old else 0, longest)
        )
        for row, old in pairs
    )
    unlike = tuple(differences(before, report)) if before else ()
    return BenchTable(stored.device, report, before, lines, unlike)


def _share(value: float, longest: float) -> float:
    return round(100 * value / longest, 1)


def _change(now: float, before: float | None) -> float | None:
    return round(100 * (now / before - 1), 1) if before else None
