"""What a large download costs the admin server: its memory and how fast it answers, from a hub on this machine.

    python -m benchmarks.pull --size-gb 2

The hub is the tests' own, in this process; it serves a file that is mostly a hole. The suite runs as users run it,
with a page's stream of events open. Uses `--size-gb` of disk twice, in the folder for temporary files.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import httpx
import msgspec
import psutil

from benchmarks.machine import Machine, this_machine
from tests.hub import TestHub
from tests.model_files.tiny_models import make_llm
from tests.support.launch_suite import SuiteProcess, suite_process
from tests.support.percentiles import percentile

MODEL = "bench/large-int4-ov"
HEALTH_EVERY_SECONDS = 0.05
_REST_SECONDS = 3.0
_MB = 1e6


class Moment(msgspec.Struct, frozen=True):
    """One look at the admin server. seconds: since the pull began. health: of one answer, seconds."""

    seconds: float
    state: str
    health: float
    resident_bytes: int


class PullFigures(msgspec.Struct, frozen=True):
    machine: Machine
    size_bytes: int
    pull_seconds: float
    resident_before: int
    moments: list[Moment]

    @property
    def growth_bytes(self) -> int:
        return max(moment.resident_bytes for moment in self.moments) - self.resident_before


def measure(size_bytes: int, folder: Path) -> PullFigures:
    published = make_llm(folder / "published", rt_info={"mode": "int4_sym", "group_size": "128"})
    with (published / "openvino_model.bin").open("r+b") as stream:
        stream.truncate(size_bytes)
    (folder / "資料").mkdir()
    with TestHub() as hub:
        hub.add_model(MODEL, published)
        os.environ["HF_ENDPOINT"] = hub.url
        with suite_process(folder / "資料") as suite, OpenPage(suite):
            return _pull(suite, size_bytes)


def _pull(suite: SuiteProcess, size_bytes: int) -> PullFigures:
    admin = psutil.Process(suite.process.pid)
    with httpx.Client(base_url=suite.url, timeout=60, trust_env=False) as client:
        client.post("/api/pull_model", json={"model_id": "bench/none"}).raise_for_status()  # what is loaded once
        time.sleep(_REST_SECONDS)
        before = admin.memory_info().rss
        job = client.post("/api/pull_model", json={"model_id": MODEL}).raise_for_status().json()["job"]
        started = time.monotonic()
        moments: list[Moment] = []
        asked = 0.0
        while job["state"] != "ready":
            if job["state"] in ("failed", "cancelled"):
                raise RuntimeError(job["error"])
            moments.append(_look(client, admin, started, job["state"]))
            if time.monotonic() - asked > 1:
                jobs = client.get("/api/pull_jobs").raise_for_status().json()["jobs"]
                job = next(each for each in jobs if each["id"] == job["id"])
                asked = time.monotonic()
            time.sleep(HEALTH_EVERY_SECONDS)
    return PullFigures(this_machine(), size_bytes, time.monotonic() - started, before, moments)


def _look(client: httpx.Client, admin: psutil.Process, started: float, state: str) -> Moment:
    asked = time.perf_counter()
    client.get("/health").raise_for_status()
    health = time.perf_counter() - asked
    return Moment(time.monotonic() - started, state, health, admin.memory_info().rss)


class OpenPage:
    """A page's stream of events, read and thrown away."""

    def __init__(self, suite: SuiteProcess) -> None:
        self._url = f"{suite.url}/api/events?screen=get"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _read(self) -> None:
        with httpx.stream("GET", self._url, timeout=60, trust_env=False) as events:
            for _ in events.iter_bytes():
                if self._ended.is_set():
                    return


def summary(figures: PullFigures) -> str:
    """A table in Markdown, a row for each phase of the download."""
    lines = [
        f"{figures.size_bytes / 1e9:.1f} GB in {figures.pull_seconds:.0f} s; admin server before: "
        f"{figures.resident_before / _MB:.0f} MB resident, at most {figures.growth_bytes / _MB:+.1f} MB from there",
        "",
        "| phase | seconds | resident MB, first → last (most) | /health ms p50 | p95 | most |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for state in dict.fromkeys(moment.state for moment in figures.moments):
        phase = [moment for moment in figures.moments if moment.state == state]
        health = sorted(moment.health * 1e3 for moment in phase)
        memory = [moment.resident_bytes / _MB for moment in phase]
        seconds = phase[-1].seconds - phase[0].seconds
        lines.append(
            f"| {state} | {seconds:.0f} | {memory[0]:.0f} → {memory[-1]:.0f} ({max(memory):.0f}) "
            f"| {percentile(health, 50):.1f} | {percentile(health, 95):.1f} | {health[-1]:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-gb", type=float, default=2.0, help="size of the weights (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every moment there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(int(options.size_gb * 1e9), Path(folder))
    print(summary(figures))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")


if __name__ == "__main__":
    main()
