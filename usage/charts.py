"""From buckets to the curves of the charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from usage.samples import Sample, SampleKey
from usage.spans import Span

Value = float | None
MOST_CURVES = 8
"""Of one chart; the colours that can be told apart."""


@dataclass(frozen=True)
class Curve:
    """One device, or one model on it; both are empty for the sum of those that have no curve of their own."""

    device: str
    model: str
    values: list[Value]


@dataclass(frozen=True)
class Chart:
    name: str
    curves: list[Curve]


@dataclass(frozen=True)
class Charts:
    """`times`: the beginnings of the buckets, seconds since the epoch. A value is None where nothing is known."""

    span: str
    step_seconds: int
    times: list[int]
    charts: list[Chart]


def _per_second(sample: Sample) -> Value:
    return round(sample.generated_tokens / sample.seconds, 1) if sample.seconds else None


def _per_minute(sample: Sample) -> Value:
    return round(60 * sample.requests / sample.seconds, 1) if sample.seconds else None


def _first_token(sample: Sample) -> Value:
    return round(sample.first_token_seconds / sample.first_tokens, 3) if sample.first_tokens else None


def _memory(sample: Sample) -> Value:
    return sample.most_memory_bytes if sample.seconds else None


def _queued(sample: Sample) -> Value:
    return sample.most_queued if sample.seconds else None


CHARTS: dict[str, Callable[[Sample], Value]] = {
    "tokens_per_second": _per_second,
    "requests_per_minute": _per_minute,
    "first_token_seconds": _first_token,
    "memory_bytes": _memory,
    "queued": _queued,
}
_NO_SUM = frozenset({"first_token_seconds"})


def charts(
    samples: Mapping[tuple[int, SampleKey], Sample], span: Span, now: float, *, by_model: bool, device: str = ""
) -> Charts:
    """`device`: only this one's; empty: of all."""
    times = span.times(now)
    watched = {(at, name): sample.seconds for (at, (name, model)), sample in samples.items() if not model}
    keys = sorted({key for _, key in samples if bool(key[1]) == by_model and device in ("", key[0])})
    found: dict[SampleKey, list[Sample]] = {}
    for key in keys:
        found[key] = [samples.get((at, key)) or Sample() for at in times]
        for at, sample in zip(times, found[key], strict=True):
            sample.seconds = watched.get((at, key[0]), 0.0)  # a model is watched as long as its device
    return Charts(
        span.name, span.step, times, [Chart(name, _curves(name, value, found)) for name, value in CHARTS.items()]
    )


def _curves(name: str, value: Callable[[Sample], Value], found: Mapping[SampleKey, list[Sample]]) -> list[Curve]:
    curves = [Curve(*key, [value(sample) for sample in samples]) for key, samples in found.items()]
    if len(curves) <= MOST_CURVES:
        return curves
    ranked = sorted(curves, key=lambda curve: sum(each or 0 for each in curve.values), reverse=True)
    shown, rest = ranked[: MOST_CURVES - 1], ranked[MOST_CURVES - 1 :]
    shown.sort(key=lambda curve: (curve.device, curve.model))
    if name in _NO_SUM:
        return shown
    sums: list[Value] = [
        None if all(each is None for each in column) else round(float(sum(each or 0 for each in column)), 3)
        for column in zip(*(curve.values for curve in rest), strict=True)
    ]
    return [*shown, Curve("", "", sums)]
