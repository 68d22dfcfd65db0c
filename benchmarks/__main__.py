"""Everything that is measured, in one command: `python -m benchmarks [--only NAME] [--json FILE] [--svg FILE]`.

Takes about half an hour on two cores. Prints a report in Markdown.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks import throughput
from benchmarks.machine import Machine, this_machine
from benchmarks.measurements.agent_session import agent_session
from benchmarks.measurements.conversations import prompts, shared_beginning, turns
from benchmarks.measurements.drafts import drafts
from benchmarks.measurements.embeddings import embeddings
from benchmarks.measurements.gateway import gateway
from benchmarks.measurements.long_prompt_arrives import long_prompt_arrives
from benchmarks.measurements.npu import npu
from benchmarks.measurements.prompt_lookup import prompt_lookup
from benchmarks.measurements.section import Section
from benchmarks.measurements.starting import NeverStarted, starting
from benchmarks.measurements.switching import switching
from benchmarks.measurements.transcription import NoSpeech, transcription
from benchmarks.measurements.warm_prefixes import warm_prefixes
from benchmarks.report import Results
from benchmarks.sides import Sides, UnequalWork, batching_sides
from tests.support.helper import HelperFailed
from tests.support.launch import DEMO_MODEL, PROJECT, ServerFailed

EMBEDDING_MODEL = PROJECT / "tests" / "models" / "test_embedding"
WHISPER_MODEL = PROJECT / "tools" / ".real_models" / "whisper-base-int8-ov"
_SHARING_STREAMS = 8


class Everything(msgspec.Struct, frozen=True):
    """What the JSON file holds."""

    arguments: list[str]
    machine: Machine
    throughput: Results | None
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
    "agent-session": lambda options: agent_session(options.model, options.pairs, device=options.device),
    "long-prompt-arrives": lambda options: long_prompt_arrives(options.model, options.pairs, device=options.device),
    "prompt-lookup": lambda options: prompt_lookup(options.model, options.pairs, device=options.device),
    "drafts": lambda options: drafts(options.draft_model, None, options.pairs, device=options.device),
    "warm-prefixes": lambda options: warm_prefixes(options.model, options.pairs, device=options.device),
    "embeddings": lambda options: embeddings(options.embedding_model, options.pairs, device=options.device),
    "npu": lambda options: npu(options.npu_model, options.pairs, on_cpu=options.device == "CPU"),
    "gateway": lambda options: gateway(options.model, options.pairs, device=options.device),
    "starting": lambda options: starting(options.pairs),
    "switching": lambda options: switching(options.model, options.pairs),
}
ON_REQUEST: dict[str, Callable[[argparse.Namespace], Section]] = {
    "transcription": lambda options: transcription(
        options.whisper_model, options.pairs, device=options.device, minutes=options.minutes
    ),
}
"""Those that need a model which is not made here, or a program: only where they are named."""


def main() -> int:
    options = _parse()
    sections: list[Section] = []
    speeds: Results | None = None
    try:
        if options.only is None or "throughput" in options.only:
            speeds = throughput.run(_throughput_arguments(options))
        for name in options.only or MEASUREMENTS:
            if measure := {**MEASUREMENTS, **ON_REQUEST}.get(name):
                print(f"{name} …", file=sys.stderr, flush=True)
                sections.append(measure(options))
                print(f"\n{sections[-1].markdown()}", flush=True)
    except (HelperFailed, ServerFailed, UnequalWork, NeverStarted, NoSpeech) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        content = msgspec.json.encode(Everything(sys.argv[1:], this_machine(), speeds, sections))
        options.json.write_bytes(msgspec.json.format(content, indent=2) + b"\n")
    return 0


def _throughput_arguments(options: argparse.Namespace) -> list[str]:
    arguments = ["--model", str(options.model), "--device", options.device, "--pairs", str(options.pairs)]
    arguments += ["--kv-cache-gb", str(options.kv_cache_gb), "--streams", "1,4,8,16,32,64"]
    for name in ("peer", "svg"):
        if value := getattr(options, name):
            arguments += [f"--{name}", value]
    return arguments


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures the server beside the bare library.")
    names = ["throughput", *MEASUREMENTS, *ON_REQUEST]
    parser.add_argument("--only", choices=names, action="append", help="may be repeated")
    directory = throughput.model_directory
    parser.add_argument("--model", type=directory, help=throughput.MODEL_HELP)
    parser.add_argument("--embedding-model", type=directory, default=str(EMBEDDING_MODEL))
    parser.add_argument(
        "--draft-model", type=directory, default=str(DEMO_MODEL), help="a model with its draft in a folder of its own"
    )
    parser.add_argument("--npu-model", type=directory, default=str(DEMO_MODEL))
    parser.add_argument(
        "--whisper-model", type=Path, default=WHISPER_MODEL, help="made by tools/real_models.py (default: %(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=10, help="how much speech is transcribed (default: 10)")
    parser.add_argument("--device", default="CPU", help="an OpenVINO device that can batch: CPU, GPU, GPU.1")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--kv-cache-gb", type=float, default=1.0, help="KV cache of both sides (default: 1)")
    parser.add_argument("--peer", metavar="URL#MODEL", help="another server to put beside, as in benchmarks.throughput")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument("--svg", metavar="FILE", help="where to write a plot of the throughput")
    options = parser.parse_args()
    if options.model is None and not (options.only and ON_REQUEST.keys() >= set(options.only)):
        try:
            options.model = directory(str(throughput.MODEL))
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument --model: {error}")
    return options


if __name__ == "__main__":
    sys.exit(main())
