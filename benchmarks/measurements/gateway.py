"""What the gateway costs: the same requests at the device's own address and through it, one after the other."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from benchmarks.gateway_process import gateway_to
from benchmarks.measurements.section import Comparison, Row, Section
from benchmarks.prompts import make_prompts
from benchmarks.served import serve
from keys.access import INTERNAL_KEY_VARIABLE, new_internal_key
from tests.support.helper import Helper
from tests.support.launch import DEMO_MODEL
from tests.support.messages import Job, Target
from tests.support.null_engine import server as null_engine

STREAMS = 32
_ANSWER_TOKENS = 64
_PROMPT_WORDS = 32
_REQUESTS = 200
_NULL_TOKENS = 500

Both = tuple[Target, Target]


def gateway(model: Path, pairs: int, *, device: str) -> Section:
    """Raises `ServerFailed` and `HelperFailed`."""
    with _both(DEMO_MODEL, "CPU", {"instance_memory_gb": 0.5}, module=null_engine.__name__) as (direct, through):
        latency = [_latencies(direct, through) for _ in range(pairs)]
        chunks = _streams(direct, through, pairs, _NULL_TOKENS)
    with _both(model, device, {"instance_memory_gb": 1.0}) as (direct, through):
        tokens = _streams(direct, through, pairs, _ANSWER_TOKENS)
    milliseconds = Comparison("a request, median", [each[0] for each in latency], [each[1] for each in latency], "ms")
    added = Row("added to a request at the median", [after - before for before, after in latency], "ms")
    return Section(
        "gateway",
        f"Through the gateway: {_REQUESTS} requests one after the other, and {STREAMS} streams",
        [added],
        [
            milliseconds,
            Comparison(f"{STREAMS} streams", *tokens, "tokens/s"),
            Comparison(f"{STREAMS} streams without a model", *chunks, "tokens/s"),
        ],
        ["Here *bare* is the device's own address, *served* the gateway's."],
    )


@contextmanager
def _both(model: Path, device: str, settings: dict[str, object], *, module: str = "server_app") -> Iterator[Both]:
    key = new_internal_key()
    settings = {"max_concurrent": STREAMS, **settings}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            serve(
                model,
                folder,
                device=device,
                settings=settings,
                module=module,
                environment={INTERNAL_KEY_VARIABLE: key},
            ) as served,
            gateway_to(served.target, folder, internal_key=key) as through,
        ):
            yield served.target, through


def _latencies(direct: Target, through: Target) -> tuple[float, float]:
    """Milliseconds of a whole answer of one token at the median: requests to either in turn."""
    times: dict[int, list[float]] = {direct.port: [], through.port: []}
    with httpx.Client(timeout=60, trust_env=False) as client:
        for _ in range(_REQUESTS):
            for target in (direct, through):
                times[target.port].append(_one(client, target))
    return 1000 * median(times[direct.port]), 1000 * median(times[through.port])


def _one(client: httpx.Client, target: Target) -> float:
    body = {"model": target.model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    started = time.perf_counter()
    client.post(f"http://{target.host}:{target.port}/v1/chat/completions", json=body).raise_for_status()
    return time.perf_counter() - started


def _streams(direct: Target, through: Target, pairs: int, tokens: int) -> tuple[list[float], list[float]]:
    """Tokens per second of all streams together, in pairs whose order changes; one pair before is thrown away."""
    speeds: tuple[list[float], list[float]] = ([], [])
    with Helper("tests.support.load", direct) as first, Helper("tests.support.load", through) as second:
        sides = [(first, speeds[0]), (second, speeds[1])]
        for number in range(pairs + 1):
            for place, (load, kept) in enumerate(sides if number % 2 else reversed(sides)):
                prompts = make_prompts(STREAMS, _PROMPT_WORDS, seed=f"gateway/{number}/{place}")
                measured = load.run(Job(prompts, STREAMS, tokens))
                if number:
                    kept.append(measured.tokens / measured.seconds)
    return speeds
