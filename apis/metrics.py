"""`GET /metrics` for Prometheus. Everything is read from what the rooms below count anyway, when somebody asks."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from apis.openai.answers import ERRORS
from model_manager import ModelManager
from pools.pool import ModelPool
from pools.statistics import Statistics

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MODEL = ("device", "model")


class DeviceMetrics(Response):
    media_type = MEDIA_TYPE


def metrics_routes(device_name: str, manager: ModelManager) -> APIRouter:
    router = APIRouter(tags=["Status"], responses=ERRORS)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Models(device_name, manager))

    @router.get("/metrics", response_class=DeviceMetrics)
    async def metrics() -> Response:
        """Prometheus' text format."""
        return DeviceMetrics(generate_latest(registry))

    return router


class _Models(Collector):
    def __init__(self, device_name: str, manager: ModelManager) -> None:
        self._device = device_name
        self._manager = manager

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._counts()
        yield from self._times()
        yield from self._instances()
        yield from self._memory()

    def _served(self) -> Iterator[tuple[list[str], ModelPool, Statistics]]:
        for model_id, pool in self._manager.pools.items():
            yield [self._device, pool.model.id], pool, self._manager.statistics[model_id]

    def _counts(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "openvino_requests", "Requests that have ended, by how.", labels=(*_MODEL, "outcome")
        )
        tokens = CounterMetricFamily("openvino_tokens", "Tokens of prompts and of answers.", labels=(*_MODEL, "kind"))
        resumed = CounterMetricFamily(
            "openvino_requests_resumed", "Requests that went on in another instance.", labels=_MODEL
        )
        audio = CounterMetricFamily("openvino_audio_seconds", "Seconds of sound heard or spoken.", labels=_MODEL)
        steps = CounterMetricFamily("openvino_image_steps", "Steps taken on pictures.", labels=_MODEL)
        for labels, _, statistics in self._served():
            audio.add_metric(labels, statistics.audio_seconds)
            steps.add_metric(labels, statistics.steps)
            for outcome in ("completed", "failed", "cancelled"):
                requests.add_metric([*labels, outcome], getattr(statistics, outcome))
            tokens.add_metric([*labels, "prompt"], statistics.prompt_tokens)
            tokens.add_metric([*labels, "generated"], statistics.generated_tokens)
            resumed.add_metric(labels, statistics.resumed)
        yield from (requests, tokens, resumed, audio, steps)

    def _times(self) -> Iterator[Metric]:
        first = HistogramMetricFamily(
            "openvino_time_to_first_token_seconds", "From a request's arrival to its first token.", labels=_MODEL
        )
        between = HistogramMetricFamily(
            "openvino_time_between_tokens_seconds",
            "Time from one token to the next: each request's mean, counted once a token.",
            labels=_MODEL,
        )
        for labels, _, statistics in self._served():
            first.add_metric(labels, statistics.first_token.cumulative(), statistics.first_token.sum)
            between.add_metric(labels, statistics.between_tokens.cumulative(), statistics.between_tokens.sum)
        yield from (first, between)

    def _instances(self) -> Iterator[Metric]:
        active = GaugeMetricFamily("openvino_requests_active", "Requests that instances work on.", labels=_MODEL)
        queued = GaugeMetricFamily("openvino_requests_queued", "Requests that wait.", labels=_MODEL)
        instances = GaugeMetricFamily("openvino_instances", "Loaded instances.", labels=_MODEL)
        loads = CounterMetricFamily("openvino_instance_loads", "Instances that were loaded.", labels=_MODEL)
        ends = CounterMetricFamily(
            "openvino_instance_ends",
            "Instances that have ended: idle for too long, to make room, under memory pressure, asked to, lost, or "
            "recycled because of many grammars.",
            labels=(*_MODEL, "reason"),
        )
        for labels, pool, _ in self._served():
            active.add_metric(labels, pool.active)
            queued.add_metric(labels, pool.queued)
            instances.add_metric(labels, len(pool.loaded_instances))
            loads.add_metric(labels, pool.loads)
            for reason, count in pool.ends.items():
                ends.add_metric([*labels, reason], count)
        yield from (active, queued, instances, loads, ends)

    def _memory(self) -> Iterator[Metric]:
        figures = self._manager.budget.figures()
        memory = GaugeMetricFamily(
            "openvino_memory_bytes", "The device's memory: what it may take, has promised, has left.",
            labels=("device", "kind"),
        )  # fmt: skip
        for kind, value in (("limit", figures.limit), ("promised", figures.reserved), ("free", figures.free)):
            memory.add_metric([self._device, kind], max(0, value))
        taken = GaugeMetricFamily("openvino_instance_memory_bytes", "What a model's instances take.", labels=_MODEL)
        for labels, pool, _ in self._served():
            taken.add_metric(
                labels, sum(self._manager.budget.measured(loaded.instance) or 0 for loaded in pool.loaded_instances)
            )
        yield from (memory, taken)
