"""The whole suite under mixed load with random faults, for a while: `python -m tests.reliability.soak --minutes 30`.

Clients of all APIs chat, embed, rerank, demand forms, leave in the middle and send nonsense on two devices, while pages
watch; meanwhile workers and device servers are killed, the configuration is applied anew or its file broken, models are
pulled, and pulls cancelled. Every answer is looked at: it must end properly and, at temperature 0, say what an
undisturbed one says. Judged too: memory that grows, descriptors, threads, zombies, strays and files left behind.

Exit status 1 where a failure is not explained by a fault that may cause it, or something else does not hold.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reliability.soaking import calls
from tests.reliability.soaking.book import Book
from tests.reliability.soaking.census import Census, Rest
from tests.reliability.soaking.faults import Faults, watch_machine
from tests.reliability.soaking.leftovers import files, left_over
from tests.reliability.soaking.stage import Stage, learn, rest, staged
from tests.reliability.soaking.verdict import Findings, Verdict, judge
from tests.reliability.soaking.visitors import Visitor, watch_page

CLIENTS = 6
PAGES = 3
_REPORT_SECONDS = 60.0
_END_SECONDS = 10.0


async def soak(stage: Stage, census: Census, book: Book, faults: Faults, seconds: float, chance: random.Random) -> None:
    """Keep the suite busy and disturbed for so long."""
    work: list[Coroutine[Any, Any, None]] = [census.keep(), _report(book), watch_machine(book)]
    work += [Visitor(stage, book, _own(chance)).visit() for _ in range(CLIENTS)]
    work += [watch_page(stage, book, _own(chance)) for _ in range(PAGES)]
    tasks = [asyncio.create_task(each) for each in work]
    await faults.happen(seconds)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            book.troubles.append(f"a part of this script ended: {result!r}")


async def _report(book: Book) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        print(_so_far(book), file=sys.stderr, flush=True)


def _own(chance: random.Random) -> random.Random:
    """What one client does must not depend on how quick the others are."""
    return random.Random(chance.random())


def _so_far(book: Book) -> str:
    explained, unexplained = book.verdict()
    shown = "".join(f"\n  {each}" for each in unexplained[:10])
    return (
        f"{time.monotonic() - book.start:6.0f} s: {book.answers.total()} answers, {len(book.faults)} faults, "
        f"{explained.total()} failures explained, {len(unexplained)} not{shown}"
        + "".join(f"\n  {each}" for each in book.troubles[:10])
    )


@dataclass(frozen=True)
class _Look:
    """The suite at rest."""

    held: dict[str, Rest]
    data: set[str]
    temporary: set[str]
    running: set[int]


async def _at_rest(stage: Stage, census: Census) -> _Look:
    """After everything has been asked once, undisturbed."""
    await learn(stage)
    await rest(stage)
    return _Look(census.at_rest(), files(stage.data_dir), files(stage.temporary_dir), census.running())


async def _whole(
    stage: Stage, census: Census, book: Book, seconds: float, chance: random.Random
) -> tuple[_Look, _Look]:
    async with calls.new_client() as http:
        faults = Faults(stage, book, _own(chance), http)
        await faults.warm_up()
        before = await _at_rest(stage, census)
        book.start = time.monotonic()
        await soak(stage, census, book, faults, seconds, chance)
        return before, await _at_rest(stage, census)


def run(minutes: float, seed: int) -> Verdict:
    book = Book()
    with tempfile.TemporaryDirectory(prefix="soak ") as folder:
        with staged(Path(folder)) as stage:
            census = Census(stage.suite.process.pid)
            before, after = asyncio.run(_whole(stage, census, book, minutes * 60, random.Random(seed)))
        survivors = census.survivors(_END_SECONDS)
        findings = Findings(
            before.held,
            after.held,
            left_over(before.data, after.data, running=after.running),
            left_over(before.temporary, after.temporary | files(stage.temporary_dir), running=set()),
            survivors,
            left_over(before.data | after.data, files(stage.data_dir), running=set()),
        )
    return judge(book, census, findings, minutes=minutes, seed=seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    verdict = run(options.minutes, options.seed)
    print(verdict.table())
    if options.json:
        options.json.write_text(json.dumps(verdict.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
