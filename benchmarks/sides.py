"""The served path and the bare library side by side, loaded with the same model, doing the same work in turns."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import Memory
from benchmarks.served import Served, serve
from tests.support.helper import Helper
from tests.support.messages import EngineSettings, Job, Measured

_CPU_BLOCK_TOKENS = 32
_GPU_BLOCK_TOKENS = 16


class UnequalWork(Exception):
    """The two sides did not do the same; their figures could not be compared."""


@dataclass(frozen=True)
class Both:
    """One job done by both. `server_cpu` in seconds: the device server's process, its instances not included."""

    bare: Measured
    served: Measured
    server_cpu: float


class Sides:
    """Both stay loaded all the time; only one works at a time."""

    def __init__(self, served: Served, bare: Helper, load: Helper) -> None:
        self._served = served
        self._bare = bare
        self._load = load

    def run(self, job: Job, *, served_first: bool) -> Both:
        """Raises `HelperFailed` and `UnequalWork`."""
        bare = None if served_first else self._bare.run(job)
        before = self._server_cpu()
        served = self._load.run(job)
        cpu = self._server_cpu() - before
        both = Both(bare or self._bare.run(job), served, cpu)
        _check(both, wanted=(len(job.prompts) + len(job.late)) * job.max_tokens)
        return both

    def serve(self, job: Job) -> Measured:
        """By the served side alone. Raises `HelperFailed`."""
        return self._load.run(job)

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


@contextmanager
def batching_sides(
    model: Path,
    *,
    device: str,
    max_streams: int,
    kv_cache_gb: float,
    max_num_batched_tokens: int | None = None,
    properties: dict[str, Any] | None = None,
) -> Iterator[Sides]:
    """Both with continuous batching and the same OpenVINO `properties`. Raises `HelperFailed` and `ServerFailed`."""
    settings: dict[str, Any] = {
        "max_concurrent": max_streams,
        "instance_memory_gb": kv_cache_gb,
        "extra_config": properties or {},
    }
    if max_num_batched_tokens is not None:
        settings["max_num_batched_tokens"] = max_num_batched_tokens
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(model, Path(folder), device=device, settings=settings) as served,
        Helper(
            "benchmarks.bare",
            _batching(model, device, served.kv_cache_tokens, max_num_batched_tokens, properties or {}),
        ) as bare,
        Helper("tests.support.load", served.target) as load,
    ):
        yield Sides(served, bare, load)


@contextmanager
def single_sides(model: Path, *, device: str, properties: dict[str, Any]) -> Iterator[Sides]:
    """Both with the pipeline of an NPU, which answers one request at a time. Raises as `batching_sides`."""
    settings = {"extra_config": properties, "max_prompt_len": properties["MAX_PROMPT_LEN"], "max_concurrent": 1}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(model, Path(folder), device=device, settings=settings) as served,
        Helper("benchmarks.bare", EngineSettings(str(model), device, 0, properties=properties, single=True)) as bare,
        Helper("tests.support.load", served.target) as load,
    ):
        yield Sides(served, bare, load)


def _batching(
    model: Path, device: str, kv_cache_tokens: int, max_num_batched_tokens: int | None, properties: dict[str, Any]
) -> EngineSettings:
    """As the instance has them."""
    block = _CPU_BLOCK_TOKENS if device.startswith("CPU") else _GPU_BLOCK_TOKENS
    return EngineSettings(
        str(model), device, -(-kv_cache_tokens // block) + 1, max_num_batched_tokens, properties=properties
    )


def _check(both: Both, *, wanted: int) -> None:
    bare, served = both.bare, both.served
    if bare.prompt_tokens != served.prompt_tokens:
        raise UnequalWork(f"Prompts of {bare.prompt_tokens} tokens bare, of {served.prompt_tokens} served.")
    for side, measured in (("bare", bare), ("served", served)):
        if measured.tokens != wanted:
            raise UnequalWork(f"{measured.tokens} tokens were generated {side} where {wanted} were asked for.")
