"""What came of a soak: figures for people and for programs, and the problems that make it fail."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tests.reliability.soaking.book import Book
from tests.reliability.soaking.census import Census, Rest
from tests.reliability.soaking.slopes import Slope, slopes

_MB = 1e6
_HALF_HOUR = 1800.0
_POOL_THREADS = 32
"""Threads that asyncio and the web framework keep for blocking work, once they were needed; there are no more."""


@dataclass(frozen=True)
class Findings:
    """What was looked at before and after. Files and processes by name."""

    before: dict[str, Rest]
    after: dict[str, Rest]
    left_in_data: list[str]
    left_in_temporary: list[str]
    left_after_end: list[str]
    survivors: list[str]


@dataclass
class Verdict:
    minutes: float
    seed: int
    answers: dict[str, int]
    faults: dict[str, int]
    explained: dict[str, int]
    memory: list[Slope]
    processes: dict[str, int]
    rest_before: dict[str, Rest]
    rest_after: dict[str, Rest]
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def table(self) -> str:
        lines = [f"{self.minutes:g} minutes, seed {self.seed}", "", "| answers | |", "|---|---|"]
        lines += [f"| {name} | {count:,} |" for name, count in sorted(self.answers.items())]
        lines += ["", "| faults | |", "|---|---|"]
        lines += [f"| {name} | {count:,} |" for name, count in sorted(self.faults.items())]
        lines += ["", "| failures that a fault explains | |", "|---|---|"]
        lines += [f"| {name} | {count:,} |" for name, count in sorted(self.explained.items())]
        lines += ["", "| memory of | minutes | mean MB | growth meanwhile, MB | allowed |", "|---|---|---|---|---|"]
        for each in self.memory:
            sizes = f"{each.mean / _MB:.1f} | {each.growth / _MB:+.1f} | {each.noise / _MB:.1f}"
            lines.append(f"| {each.name} | {each.seconds / 60:.0f} | {sizes} |")
        lines += ["", "| at rest | descriptors before, after | threads |", "|---|---|---|"]
        for role, before in self.rest_before.items():
            after = self.rest_after.get(role, Rest(0, 0, {}))
            figures = f"{before.descriptors}, {after.descriptors} | {before.threads}, {after.threads}"
            lines.append(f"| {role} | {figures} |")
        lines += ["", "processes seen: " + ", ".join(f"{count} {role}" for role, count in self.processes.items())]
        lines += [f"PROBLEM: {problem}" for problem in self.problems]
        return "\n".join([*lines, "", "FAILED" if self.problems else "held"])


def judge(book: Book, census: Census, findings: Findings, *, minutes: float, seed: int) -> Verdict:
    explained, unexplained = book.verdict()
    lives = list(census.lives.values())
    memory = slopes(lives)
    roles = [life.role for life in lives]
    faults = [fault.kind for fault in book.faults]
    verdict = Verdict(
        minutes,
        seed,
        dict(book.answers),
        {kind: faults.count(kind) for kind in faults},
        dict(explained),
        memory,
        {role: roles.count(role) for role in roles},
        findings.before,
        findings.after,
    )
    problems = verdict.problems
    problems += [f"unexplained: {each}" for each in unexplained]
    problems += [f"a fault did not go as it should: {each}" for each in book.troubles]
    problems += [
        f"the memory of {each.name} grows by {each.growth / _MB:.1f} MB in {each.seconds / 60:.0f} minutes"
        for each in memory
        if each.grows
    ]
    if minutes * 60 >= _HALF_HOUR:
        judged = {each.role for each in memory}
        problems += [
            f"no {role} lived long enough to be judged" for role in (*findings.before, "worker") if role not in judged
        ]
    problems += _held(findings)
    problems += [f"a zombie stayed: {each}" for each in sorted(set(census.zombies))]
    problems += [f"a process outlived its parent: {each}" for each in sorted(set(census.strays))]
    problems += [f"a process outlived the suite: {each}" for each in findings.survivors]
    problems += [f"left in the data directory: {each}" for each in findings.left_in_data]
    problems += [f"left in the folder for temporary files: {each}" for each in findings.left_in_temporary]
    problems += [f"left after the suite's end: {each}" for each in findings.left_after_end]
    return verdict


def _held(findings: Findings) -> list[str]:
    problems: list[str] = []
    for role, before in findings.before.items():
        after = findings.after.get(role)
        if after is None:
            problems.append(f"{role} is not there at the end")
        elif after.descriptors > before.descriptors:
            more = {name: count for name, count in after.held.items() if count > before.held.get(name, 0)}
            problems.append(
                f"{role} holds {after.descriptors} descriptors at rest, {before.descriptors} before: {more}"
            )
        elif after.threads > before.threads + _POOL_THREADS:
            problems.append(f"{role} has {after.threads} threads at rest, {before.threads} before")
    return problems
