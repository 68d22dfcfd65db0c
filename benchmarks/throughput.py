"""Measures what serving costs over the bare library: `python -m benchmarks.throughput`.

The device server with its instance and clients on one side, a plain ContinuousBatchingPipeline loop in a process of
its own on the other: the same model, prompts and settings, in pairs, now one side first, now the other. Both stay
loaded all the time; only one works at a time.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.figures import Memory, Pair, run_figures, summarize
from benchmarks.helper import PROJECT, Helper, HelperFailed
from benchmarks.machine import this_machine
from benchmarks.messages import EngineSettings, Job, Measured
from benchmarks.prompts import make_prompts
from benchmarks.report import Results, table, write_json
from benchmarks.served import Served, ServerFailed, serve

MODEL = PROJECT / "benchmarks" / "models" / "bench-400m"
_CPU_BLOCK_TOKENS = 32
_GPU_BLOCK_TOKENS = 16
_ANSWERS = 4
"""At least so many answers a run, or a run of one stream would be over too soon to be measured well."""
_WARM_UP = 0
"""The pair before the first, which is not counted."""


class UnequalWork(Exception):
    """The two sides did not do the same; their figures could not be compared."""


class Bench:
    """The two sides, loaded."""

    def __init__(self, served: Served, bare: Helper, load: Helper, options: argparse.Namespace) -> None:
        self._served = served
        self._bare = bare
        self._load = load
        self._options = options

    def pair(self, streams: int, number: int) -> Pair:
        prompts = make_prompts(max(streams, _ANSWERS), self._options.prompt_words, seed=f"{streams}/{number}")
        job = Job(prompts, streams, self._options.tokens)
        bare, served, cpu = Measured(0, []), Measured(0, []), 0.0
        for side in ("bare", "served") if number % 2 else ("served", "bare"):
            if side == "bare":
                bare = self._bare.run(job)
            else:
                before = self._server_cpu()
                served = self._load.run(job)
                cpu = self._server_cpu() - before
        _check(bare, served, wanted=len(prompts) * job.max_tokens)
        return Pair(streams, run_figures(bare), run_figures(served), cpu, served.health)

    def memory(self) -> Memory:
        served = self._served
        return Memory(
            server_idle=served.idle_bytes,
            server=served.server.memory_info().rss,
            instance=served.instance.memory_info().rss,
            bare=psutil.Process(self._bare.pid).memory_info().rss,
        )

    def _server_cpu(self) -> float:
        times = self._served.server.cpu_times()
        return times.user + times.system


def measure(options: argparse.Namespace, arguments: Sequence[str]) -> Results:
    """Raises `HelperFailed`, `ServerFailed` and `UnequalWork`."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(
            options.model,
            Path(folder),
            device=options.device,
            max_streams=max(options.streams),
            kv_cache_gb=options.kv_cache_gb,
        ) as served,
        Helper("benchmarks.bare", _engine_settings(served, options)) as bare,
        Helper("benchmarks.load", served.target) as load,
    ):
        bench = Bench(served, bare, load, options)
        for streams in options.streams:
            bench.pair(streams, _WARM_UP)
        pairs: list[Pair] = []
        for number in range(1, options.pairs + 1):
            for streams in options.streams:
                pairs.append(bench.pair(streams, number))
                print(_progress(pairs[-1], number), file=sys.stderr)
        summaries = [summarize([pair for pair in pairs if pair.streams == streams]) for streams in options.streams]
        return Results(list(arguments), this_machine(), bench.memory(), summaries, pairs)


def _engine_settings(served: Served, options: argparse.Namespace) -> EngineSettings:
    """As the instance has them."""
    block = _CPU_BLOCK_TOKENS if options.device.startswith("CPU") else _GPU_BLOCK_TOKENS
    return EngineSettings(str(options.model), options.device, -(-served.kv_cache_tokens // block) + 1)


def _check(bare: Measured, served: Measured, *, wanted: int) -> None:
    if bare.prompt_tokens != served.prompt_tokens:
        raise UnequalWork(f"Prompts of {bare.prompt_tokens} tokens bare, of {served.prompt_tokens} served.")
    for side, measured in (("bare", bare), ("served", served)):
        if measured.tokens != wanted:
            raise UnequalWork(f"{measured.tokens} tokens were generated {side} where {wanted} were asked for.")


def _progress(pair: Pair, number: int) -> str:
    speeds = f"bare {pair.bare.tokens_per_second:.1f}, served {pair.served.tokens_per_second:.1f} tok/s"
    return f"pair {number}, {pair.streams} streams: {speeds}, ratio {pair.ratio:.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parse(arguments)
    if not (options.model / "openvino_model.xml").is_file():
        print(f"There is no model in {options.model}; tools/build_bench_model.py makes one.", file=sys.stderr)
        return 1
    try:
        results = measure(options, arguments)
    except (HelperFailed, ServerFailed, UnequalWork) as error:
        print(error, file=sys.stderr)
        return 1
    print(table(results))
    if options.json:
        write_json(results, options.json)
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.throughput", description="What serving costs, measured.")
    parser.add_argument(
        "--model", type=_directory, default=MODEL, help="a model directory (default: the benchmark model)"
    )
    parser.add_argument("--device", default="CPU", help="an OpenVINO device that can batch: CPU, GPU, GPU.1")
    parser.add_argument("--streams", type=_numbers, default=[1, 8, 32], help="for example 1,8,32 (default)")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--tokens", type=int, default=64, help="length of an answer (default: 64)")
    parser.add_argument("--prompt-words", type=int, default=32, help="length of a prompt (default: 32)")
    parser.add_argument("--kv-cache-gb", type=float, default=1.0, help="KV cache of both sides (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    return parser.parse_args(arguments)


def _directory(text: str) -> Path:
    return Path(text).resolve()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
