"""Measures what serving costs over the bare library: `python -m benchmarks.throughput`.

The device server with its instance and clients on one side, a plain ContinuousBatchingPipeline loop in a process of
its own on the other: the same model, prompts and settings, in pairs, now one side first, now the other. Both stay
loaded all the time; only one works at a time.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from benchmarks.figures import Pair, run_figures, summarize
from benchmarks.machine import this_machine
from benchmarks.plot import throughput_plot
from benchmarks.prompts import make_prompts
from benchmarks.report import Results, table, write_json
from benchmarks.sides import Sides, UnequalWork, batching_sides
from tests.support.helper import Helper, HelperFailed
from tests.support.launch import PROJECT, ServerFailed
from tests.support.messages import Job, Target

MODEL = PROJECT / "benchmarks" / "models" / "bench-400m"
MODEL_HELP = "a directory with a language model (default: the benchmark model)"
_ANSWERS = 4
"""At least so many answers a run, or a run of one stream would be over too soon to be measured well."""
_HEALTH_PAUSE_SECONDS = 0.05
_WARM_UP = 0
"""The pair before the first, which is not counted."""


class Bench:
    """What is measured with: both sides, and another server to put beside them, where one was named."""

    def __init__(self, sides: Sides, peer: Helper | None, options: argparse.Namespace) -> None:
        self._sides = sides
        self._peer = peer
        self._options = options

    def health(self, streams: int) -> list[float]:
        """Round trips of /health while so many streams run, in seconds. Raises `HelperFailed`."""
        job = msgspec.structs.replace(self._job(streams, "health"), health_pause=_HEALTH_PAUSE_SECONDS)
        return self._sides.serve(job).health

    def _job(self, streams: int, seed: object) -> Job:
        prompts = make_prompts(max(streams, _ANSWERS), self._options.prompt_words, seed=f"{streams}/{seed}")
        return Job(prompts, streams, self._options.tokens)

    def pair(self, streams: int, number: int) -> Pair:
        """Raises `HelperFailed` and `UnequalWork`."""
        job = self._job(streams, number)
        both = self._sides.run(job, served_first=number % 2 == 0)
        peer = run_figures(self._peer.run(job)) if self._peer else None
        bare, served = run_figures(both.bare), run_figures(both.served)
        return Pair(streams, bare, served, both.server_cpu, peer)


def measure(options: argparse.Namespace, arguments: Sequence[str]) -> Results:
    """Raises `HelperFailed`, `ServerFailed` and `UnequalWork`."""
    with (
        batching_sides(
            options.model,
            device=options.device,
            max_streams=max(options.streams),
            kv_cache_gb=options.kv_cache_gb,
            properties={"INFERENCE_NUM_THREADS": options.threads} if options.threads else None,
        ) as sides,
        Helper("tests.support.load", options.peer) if options.peer else nullcontext() as peer,
    ):
        bench = Bench(sides, peer, options)
        for streams in options.streams:
            bench.pair(streams, _WARM_UP)
        pairs: list[Pair] = []
        for number in range(1, options.pairs + 1):
            for streams in options.streams:
                pairs.append(bench.pair(streams, number))
                print(_progress(pairs[-1], number), file=sys.stderr)
        summaries = [
            summarize([pair for pair in pairs if pair.streams == streams], bench.health(streams))
            for streams in options.streams
        ]
        return Results(list(arguments), this_machine(), sides.memory(), summaries, pairs)


def _progress(pair: Pair, number: int) -> str:
    speeds = f"bare {pair.bare.tokens_per_second:.1f}, served {pair.served.tokens_per_second:.1f} tok/s"
    return f"pair {number}, {pair.streams} streams: {speeds}, ratio {pair.ratio:.3f}"


def run(arguments: Sequence[str]) -> Results:
    """Measure as the command line `arguments` say, print the table and write the files they name.

    Raises `HelperFailed`, `ServerFailed` and `UnequalWork`.
    """
    options = _parse(arguments)
    results = measure(options, arguments)
    print(table(results), flush=True)
    if options.json:
        write_json(results, options.json)
    if options.svg:
        options.svg.write_text(throughput_plot(results.summaries), encoding="utf-8")
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        run(sys.argv[1:] if arguments is None else arguments)
    except (HelperFailed, ServerFailed, UnequalWork) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.throughput", description="What serving costs, measured.")
    parser.add_argument("--model", type=model_directory, default=str(MODEL), help=MODEL_HELP)
    parser.add_argument("--device", default="CPU", help="an OpenVINO device that can batch: CPU, GPU, GPU.1")
    parser.add_argument("--streams", type=_numbers, default=[1, 8, 32], help="for example 1,8,32 (default)")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--tokens", type=int, default=64, help="length of an answer (default: 64)")
    parser.add_argument("--prompt-words", type=int, default=16, help="length of a prompt (default: 16)")
    parser.add_argument("--kv-cache-gb", type=float, default=1.0, help="KV cache of both sides (default: 1)")
    parser.add_argument("--threads", type=int, help="of inference on both sides (default: what OpenVINO takes, all)")
    parser.add_argument(
        "--peer",
        type=_target,
        metavar="URL#MODEL",
        help="another OpenAI-compatible server: http://127.0.0.1:8000#its-model",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="where to write a plot")
    return parser.parse_args(arguments)


def _target(text: str) -> Target:
    address = urlsplit(text)
    if address.scheme != "http" or not address.hostname or not address.fragment:
        raise argparse.ArgumentTypeError("write http://HOST:PORT#MODEL")
    return Target(address.hostname, address.port or 80, address.fragment)


def model_directory(text: str) -> Path:
    """Raises `argparse.ArgumentTypeError` where no model lies."""
    directory = Path(text).resolve()
    if not (directory / "openvino_model.xml").is_file():
        raise argparse.ArgumentTypeError(f"there is no model in {directory}; tools/build_bench_model.py makes one")
    return directory


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
