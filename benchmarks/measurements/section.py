"""One measurement's part of the report."""

from collections.abc import Sequence
from statistics import median

import msgspec


class Row(msgspec.Struct, frozen=True):
    """A figure and what it is of. `values` are the single runs, in `unit`."""

    what: str
    values: list[float]
    unit: str

    @property
    def median(self) -> float:
        return median(self.values)


class Comparison(msgspec.Struct, frozen=True):
    """The same figure of both sides, run by run."""

    what: str
    bare: list[float]
    served: list[float]
    unit: str

    @property
    def ratio(self) -> float:
        """Median of the pairs' ratios, served over bare."""
        return median(served / bare for served, bare in zip(self.served, self.bare, strict=True))


class Section(msgspec.Struct, frozen=True):
    """`name` is how it is chosen on the command line."""

    name: str
    title: str
    rows: list[Row] = []
    comparisons: list[Comparison] = []
    notes: list[str] = []

    def markdown(self) -> str:
        parts = [f"### {self.title}"]
        if self.comparisons:
            heading = ["", "bare", "served", "served/bare"]
            parts.append(_table(heading, [_compared(each) for each in self.comparisons]))
        if self.rows:
            heading = ["", "median", "least", "greatest"]
            parts.append(_table(heading, [_single(row) for row in self.rows]))
        return "\n\n".join([*parts, *self.notes])


def _compared(row: Comparison) -> list[str]:
    bare, served = (f"{median(values):.4g} {row.unit}" for values in (row.bare, row.served))
    return [row.what, bare, served, f"{row.ratio:.3f}"]


def _single(row: Row) -> list[str]:
    return [row.what, *(f"{value:.4g} {row.unit}" for value in (row.median, min(row.values), max(row.values)))]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    alignment = ["---", *["---:"] * (len(heading) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (heading, alignment, *rows))
