"""The admin server's `GET /metrics`: its devices' states and its downloads; models' figures are at the devices'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model_registry import ModelRegistry
from supervision.suite import DeviceState, Suite

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AdminMetrics(Response):
    media_type = MEDIA_TYPE


def metrics_router(suite: Suite, registry: ModelRegistry) -> APIRouter:
    router = APIRouter()
    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(_Devices(suite, registry))

    @router.get("/metrics", response_class=AdminMetrics)
    async def metrics() -> Response:
        """Prometheus' text format."""
        return AdminMetrics(generate_latest(collectors))

    return router


class _Devices(Collector):
    def __init__(self, suite: Suite, registry: ModelRegistry) -> None:
        self._suite = suite
        self._registry = registry

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        states = GaugeMetricFamily(
            "openvino_device_state", "1 for the state that a device's server is in.", labels=("device", "state")
        )
        restarts = CounterMetricFamily(
            "openvino_device_restarts", "How often a device's server was started again after dying.", labels=("device",)
        )
        for status in self._suite.statuses():
            for state in get_args(DeviceState):
                states.add_metric([status.name, state], status.state == state)
            restarts.add_metric([status.name], status.restarts)
        pulls = GaugeMetricFamily("openvino_pull_jobs", "Downloads in the list, by state.", labels=("state",))
        jobs = [job.state for job in self._registry.jobs()]
        for state in sorted(set(jobs)):
            pulls.add_metric([state], jobs.count(state))
        yield from (states, restarts, pulls)
