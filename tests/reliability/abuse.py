"""What the suite does when it is abused, and what its other clients notice of it: `python -m tests.reliability.abuse`.

Starts the suite with the demo model and lets each attack loose on a device server, the page or both; `GET /health` of
both is asked beside it. Each line says how the attack was answered, how long the slowest answer took and how long
/health took. Exit status 1 where an answer is not one that is allowed or comes too late, where the 95th percentile of
/health is 50 ms or more, or where it serves no more afterwards. For a machine with nothing else to do.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import httpx

from tests.reliability.attacks import ATTACKS
from tests.reliability.attacks.attack import Attack, Reply
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import SuiteProcess, suite_process
from tests.support.percentiles import percentile

LEAST_SECONDS = 8.0
HEALTH_SECONDS = 0.05
_ASK_EVERY_SECONDS = 0.01


@dataclass(frozen=True)
class Trial:
    """One attack on one app. `health`: seconds of each answer of the device server's and the page's /health."""

    attack: Attack
    on: str
    replies: list[Reply]
    health: dict[str, list[float]]

    def problems(self) -> list[str]:
        problems = self.attack.problems(self.replies)
        slowest = max((reply.seconds for reply in self.replies), default=0.0)
        if slowest > self.attack.seconds:
            problems.append(f"an answer took {slowest:.1f} s; {self.attack.seconds:g} are allowed")
        for app, took in self.health.items():
            if percentile(took, 95) >= HEALTH_SECONDS:
                problems.append(f"p95 of /health of the {app} is {percentile(took, 95) * 1000:.0f} ms")
        return problems

    def __str__(self) -> str:
        outcomes = Counter(reply.outcome for reply in self.replies)
        answered = ", ".join(f"{count} x {outcome}" for outcome, count in outcomes.items())
        slowest = max((reply.seconds for reply in self.replies), default=0.0)
        health = " | ".join(_milliseconds(self.health[app]) for app in ("device", "page"))
        held = "; ".join(self.problems()) or "held"
        return f"| {self.attack.name} | {self.on} | {answered} | {slowest:.1f} | {health} | {held} |"


def _milliseconds(took: Sequence[float]) -> str:
    return " / ".join(f"{percentile(took, share) * 1000:.0f}" for share in (50, 95, 100))


async def trial(attack: Attack, on: str, urls: dict[str, str], least_seconds: float) -> Trial:
    """Attack `on`, again and again for `least_seconds`; `urls` by app."""
    health: dict[str, list[float]] = {app: [] for app in urls}
    asking = [asyncio.create_task(_ask(urls[app], took)) for app, took in health.items()]
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as attacker:  # its own work is not to be measured
            number = ATTACKS.index(attack)
            loop = asyncio.get_running_loop()
            replies = await loop.run_in_executor(attacker, _go_on, number, urls[on], least_seconds)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return Trial(attack, on, replies, health)


def _go_on(number: int, url: str, seconds: float) -> list[Reply]:
    replies: list[Reply] = []
    deadline = time.monotonic() + seconds
    while not replies or time.monotonic() < deadline:
        replies += asyncio.run(ATTACKS[number].run(url))  # pyright: ignore[reportArgumentType]
    return replies


async def _ask(url: str, took: list[float]) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        while True:
            started = time.perf_counter()
            try:
                (await client.get("/health")).raise_for_status()
            except httpx.HTTPError:
                took.append(60.0)
            took.append(time.perf_counter() - started)
            await asyncio.sleep(_ASK_EVERY_SECONDS)


def apps(attack: Attack) -> tuple[str, ...]:
    return ("device", "page") if attack.on == "both" else (attack.on,)


def urls_of(suite: SuiteProcess) -> dict[str, str]:
    return {"device": suite.device_url("gpu"), "page": suite.url}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", default="", help="attacks with this word in their name")
    options = parser.parse_args()
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder, suite_process(Path(folder)) as suite:
        suite.assign("gpu", [DEMO_ID])
        greeting = suite.chat("gpu", DEMO_ID, "hello").raise_for_status().json()["choices"]
        print("| attack | on | answered | slowest s | device /health ms p50 / p95 / max | page /health | |")
        print("|---|---|---|---|---|---|---|")
        for attack in (each for each in ATTACKS if options.only in each.name):
            for on in apps(attack):
                tried = asyncio.run(trial(attack, on, urls_of(suite), LEAST_SECONDS))
                print(tried, flush=True)
                problems += [f"{attack.name}, {on}: {problem}" for problem in tried.problems()]
        if suite.chat("gpu", DEMO_ID, "hello").raise_for_status().json()["choices"] != greeting:
            problems.append("the model answers otherwise than before")
    print("\n".join(["", *(f"FAILED {problem}" for problem in problems)]) if problems else "\nall held")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
