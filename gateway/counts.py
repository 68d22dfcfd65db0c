"""What the gateway counts, and `GET /metrics` for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.device_inventory import DeviceInventory


@dataclass
class Counts:
    """By device: answers passed on, answers cut off, failed connection attempts, and refusals after which another
    device was tried."""

    answered: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)


class Exposition:
    """Prometheus' text format."""

    def __init__(self, inventory: DeviceInventory, counts: Counts) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Gateway(inventory, counts))

    def __call__(self) -> bytes:
        return generate_latest(self._registry)


class _Gateway(Collector):
    def __init__(self, inventory: DeviceInventory, counts: Counts) -> None:
        self._inventory = inventory
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        devices = self._inventory.devices()
        for name, text, counted in (
            ("openvino_gateway_answers", "Answers that were passed back.", self._counts.answered),
            ("openvino_gateway_answers_cut", "Answers that broke off with their device.", self._counts.cut),
            ("openvino_gateway_repeated", "Attempts that met no device and were repeated.", self._counts.repeated),
            ("openvino_gateway_passed_over", "Refusals after which another was asked.", self._counts.passed_over),
        ):
            counter = CounterMetricFamily(name, text, labels=("device",))
            for device in devices:
                counter.add_metric([device.name], counted[device.name])
            yield counter
        active = GaugeMetricFamily("openvino_gateway_active", "Requests under way.", labels=("device",))
        reachable = GaugeMetricFamily("openvino_gateway_reachable", "1 while a device answers.", labels=("device",))
        for device in devices:
            active.add_metric([device.name], device.in_flight.total())
            reachable.add_metric([device.name], device.reachable)
        yield from (active, reachable)
