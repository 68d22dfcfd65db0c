"""The whole suite under mixed load with random faults, for a while: `python -m benchmarks.soak --minutes 30`.

Clients chat, stream, leave in the middle and ask for what is too long; meanwhile workers and device servers are
killed and the configuration is applied anew. Printed every minute and at the end: answers by kind, memory,
descriptors, processes. An answer is explained by its status (200, 400, 503) or, for a connection that broke, by a
device server having been killed just then. Exit status 1 where something is not explained.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks.launch import DEMO_ID
from benchmarks.launch_suite import SuiteProcess, suite_process

CLIENTS = 6
EXPLAINED = {"200", "400", "503", "left"}
_FAULT_SECONDS = (4.0, 10.0)
_GRACE_SECONDS = 15.0
"""So long after a device server was killed a broken connection is its victim."""


@dataclass
class Tally:
    answers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    server_killed_at: float = -_GRACE_SECONDS

    def note(self, outcome: str, began: float) -> None:
        self.answers[outcome] += 1
        if outcome not in EXPLAINED and began > self.server_killed_at + _GRACE_SECONDS:
            self.unexplained.append(outcome)


async def _client(suite: SuiteProcess, tally: Tally, chance: random.Random) -> None:
    url = f"{suite.device_url('gpu')}/v1/chat/completions"
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        while True:
            text = chance.choice(("hello", "什麼是 OpenVINO？", "word " * 20, "word " * 20_000))
            body = {"model": DEMO_ID, "max_tokens": chance.choice((1, 16, 64)), "stream": chance.random() < 0.6}
            body["messages"] = [{"role": "user", "content": text}]
            leaves = chance.random() < 0.15
            began = time.monotonic()
            try:
                async with client.stream("POST", url, json=body) as response:
                    async for _ in response.aiter_bytes():
                        if leaves:
                            break
                    tally.note("left" if leaves else str(response.status_code), began)
            except httpx.HTTPError as error:
                tally.note(type(error).__name__, time.monotonic())
                await asyncio.sleep(0.2)


async def _faults(suite: SuiteProcess, tally: Tally, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.uniform(*_FAULT_SECONDS))
        fault = chance.choice(("worker killed", "worker killed", "server killed", "applied", "unloaded"))
        tally.faults[fault] += 1
        if fault == "worker killed":
            _kill(suite, "instances.worker", chance)
        elif fault == "server killed":
            tally.server_killed_at = time.monotonic()
            _kill(suite, "server_app", chance)
        elif fault == "applied":
            tally.server_killed_at = time.monotonic()  # ends streams that take longer than a server's last seconds
            await asyncio.to_thread(suite.assign, "gpu", [DEMO_ID])
        else:
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                try:
                    await client.post(f"{suite.device_url('gpu')}/model/cleanup")
                except httpx.HTTPError:
                    tally.faults["unloading failed"] += 1


def _family(suite: SuiteProcess) -> list[psutil.Process]:
    admin = psutil.Process(suite.process.pid)
    return [admin, *admin.children(recursive=True)]


def _kill(suite: SuiteProcess, module: str, chance: random.Random) -> None:
    found: list[psutil.Process] = []
    for process in _family(suite):
        try:
            if module in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    if found:
        chance.choice(found).kill()


def _figures(suite: SuiteProcess, tally: Tally, folder: Path) -> str:
    admin = psutil.Process(suite.process.pid)
    zombies = sum(process.status() == psutil.STATUS_ZOMBIE for process in _family(suite) if process.is_running())
    descriptors = admin.num_fds() if os.name == "posix" else admin.num_handles()
    leftovers = len(list(folder.rglob("*.tmp")))
    return (
        f"{dict(tally.answers)}  faults {dict(tally.faults)}  admin {admin.memory_info().rss / 1e6:.0f} MB, "
        f"{descriptors} descriptors  zombies {zombies}  temporary files {leftovers}  "
        f"unexplained {len(tally.unexplained)}"
    )


async def soak(suite: SuiteProcess, folder: Path, seconds: float, chance: random.Random) -> Tally:
    """Keep the suite busy and disturbed for so long."""
    tally = Tally()
    tasks = [asyncio.create_task(_client(suite, tally, chance)) for _ in range(CLIENTS)]
    tasks.append(asyncio.create_task(_faults(suite, tally, chance)))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        await asyncio.sleep(min(60.0, max(0.0, deadline - time.monotonic())))
        print(_figures(suite, tally, folder), flush=True)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            tally.unexplained.append(f"a client of this script ended: {result!r}")
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, suite_process(Path(folder)) as suite:
        suite.assign("gpu", [DEMO_ID])
        suite.chat("gpu", DEMO_ID, "hello")
        tally = asyncio.run(soak(suite, Path(folder), options.minutes * 60, random.Random(options.seed)))
    for line in tally.unexplained:
        print(f"unexplained: {line}")
    return 1 if tally.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
