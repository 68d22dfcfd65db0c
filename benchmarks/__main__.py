"""Everything that is measured, in one command: `python -m benchmarks [--only NAME] [--json FILE]`.

Takes about twenty minutes on two cores. Prints a report in Markdown.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks import throughput
from benchmarks.helper import PROJECT, HelperFailed
from benchmarks.launch import DEMO_MODEL
from benchmarks.machine import Machine, this_machine
from benchmarks.measurements.conversations import prompts, shared_beginning, turns
from benchmarks.measurements.embeddings import embeddings
from benchmarks.measurements.gateway import gateway
from benchmarks.measurements.npu import npu
from benchmarks.measurements.section import Section
from benchmarks.measurements.starting import NeverStarted, starting
from benchmarks.measurements.switching import switching
from benchmarks.served import ServerFailed
from benchmarks.sides import Sides, UnequalWork, batching_sides

EMBEDDING_MODEL = PROJECT / "tests" / "models" / "test_embedding"
_SHARING_STREAMS = 8


class Everything(msgspec.Struct, frozen=True):
    """What the JSON file holds."""

    arguments: list[str]
    machine: Machine
    sections: list[Section]


@contextmanager
def _sides(options: argparse.Namespace) -> Iterator[Sides]:
    with batching_sides(
        options.model, device=options.device, max_streams=_SHARING_STREAMS, kv_cache_gb=options.kv_cache_gb
    ) as sides:
        yield sides


def _beside_bare(measure: Callable[[Sides, int], Section]) -> Callable[[argparse.Namespace], Section]:
    def run(options: argparse.Namespace) -> Section:
        with _sides(options) as sides:
            return measure(sides, options.pairs)

    return run


MEASUREMENTS: dict[str, Callable[[argparse.Namespace], Section]] = {
    "prompts": _beside_bare(prompts),
    "turns": _beside_bare(turns),
    "shared": _beside_bare(shared_beginning),
    "embeddings": lambda options: embeddings(options.embedding_model, options.pairs, device=options.device),
    "npu": lambda options: npu(options.npu_model, options.pairs, on_cpu=options.device == "CPU"),
    "gateway": lambda options: gateway(options.model, options.pairs, device=options.device),
    "starting": lambda options: starting(options.pairs),
    "switching": lambda options: switching(options.model, options.pairs),
}


def main() -> int:
    options = _parse()
    sections: list[Section] = []
    try:
        if options.only is None or "throughput" in options.only:
            arguments = ["--model", str(options.model), "--device", options.device, "--pairs", str(options.pairs)]
            throughput.main([*arguments, "--streams", "1,4,8,16,32,64"])
        for name in options.only or MEASUREMENTS:
            if name in MEASUREMENTS:
                print(f"{name} …", file=sys.stderr, flush=True)
                sections.append(MEASUREMENTS[name](options))
                print(f"\n{sections[-1].markdown()}", flush=True)
    except (HelperFailed, ServerFailed, UnequalWork, NeverStarted) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        content = msgspec.json.encode(Everything(sys.argv[1:], this_machine(), sections))
        options.json.write_bytes(msgspec.json.format(content, indent=2) + b"\n")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures the server beside the bare library.")
    parser.add_argument("--only", choices=["throughput", *MEASUREMENTS], action="append", help="may be repeated")
    parser.add_argument("--model", type=_directory, default=throughput.MODEL, help="default: the benchmark model")
    parser.add_argument("--embedding-model", type=_directory, default=EMBEDDING_MODEL)
    parser.add_argument("--npu-model", type=_directory, default=DEMO_MODEL)
    parser.add_argument("--device", default="CPU", help="an OpenVINO device that can batch: CPU, GPU, GPU.1")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--kv-cache-gb", type=float, default=1.0, help="KV cache of both sides (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    return parser.parse_args()


def _directory(text: str) -> Path:
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
