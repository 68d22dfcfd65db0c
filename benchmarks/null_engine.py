"""How much the HTTP layer alone can stream: `python -m benchmarks.null_engine`.

The device server as it is, its instance replaced by a process that hands out tokens as fast as it can. A chunk is one
server-sent event with text, as the load generator receives it.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

import psutil

from benchmarks.served import serve
from tests.support.helper import Helper
from tests.support.launch import DEMO_MODEL
from tests.support.messages import Job, Measured
from tests.support.null_engine import server


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.null_engine", description="The HTTP layer alone, measured.")
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=1000, help="length of an answer (default: 1,000)")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    job = Job(["Hello"] * options.streams, options.streams, options.tokens)
    speeds: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(
            DEMO_MODEL,
            Path(folder),
            device="CPU",
            settings={"max_concurrent": options.streams, "instance_memory_gb": 0.5},
            module=server.__name__,
        ) as served,
        Helper("tests.support.load", served.target) as load,
    ):
        load.run(job)
        for _ in range(options.runs):
            before = _cpu_seconds(served.server)
            measured = load.run(job)
            cpu = _cpu_seconds(served.server) - before
            chunks = _chunks(measured)
            speeds.append(chunks / measured.seconds)
            print(
                f"{speeds[-1]:.0f} chunks/s, {measured.tokens / measured.seconds:.0f} tokens/s, "
                f"server CPU {1e6 * cpu / measured.tokens:.1f} µs a token, {1e6 * cpu / chunks:.1f} µs a chunk"
            )
    print(f"median {median(speeds):.0f} chunks/s ({min(speeds):.0f} to {max(speeds):.0f})")
    return 0


def _chunks(measured: Measured) -> int:
    return sum(len(answer.times) for answer in measured.answers)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    sys.exit(main())
