"""From what was measured to what is reported."""

from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from tests.support.messages import Measured
from tests.support.percentiles import percentile


class RunFigures(msgspec.Struct, frozen=True):
    """One run of one side. Seconds; `first_token` is the median of the answers, `between_*` percentiles of all gaps."""

    tokens: int
    tokens_per_second: float
    first_token: float
    between_p50: float
    between_p95: float
    between_p99: float


class Pair(msgspec.Struct, frozen=True):
    """The bare library and the served path on the same prompts, one right after the other.

    `server_cpu_seconds` is what the device server's process used, its instances not included. `peer`: another server on
    the same prompts, where one was named.
    """

    streams: int
    bare: RunFigures
    served: RunFigures
    server_cpu_seconds: float
    peer: RunFigures | None = None

    @property
    def ratio(self) -> float:
        return self.served.tokens_per_second / self.bare.tokens_per_second


class Spread(msgspec.Struct, frozen=True):
    """Of the pairs: their median, the least and the greatest."""

    median: float
    least: float
    greatest: float


class Summary(msgspec.Struct, frozen=True):
    """All pairs with one number of streams. `server_cpu` in seconds per 1,000 streamed tokens."""

    streams: int
    pairs: int
    bare: Spread
    served: Spread
    ratio: Spread
    bare_first_token: Spread
    served_first_token: Spread
    bare_between_p50: Spread
    served_between_p50: Spread
    bare_between_p95: Spread
    served_between_p95: Spread
    bare_between_p99: Spread
    served_between_p99: Spread
    server_cpu: float
    health_p50: float
    health_p95: float
    peer: Spread | None = None


class Memory(msgspec.Struct, frozen=True):
    """Resident bytes: the device server before and after it had an instance, its instance, the bare process."""

    server_idle: int
    server: int
    instance: int
    bare: int


def run_figures(measured: Measured) -> RunFigures:
    gaps = [
        later - earlier
        for answer in measured.answers
        for earlier, later in zip(answer.times, answer.times[1:], strict=False)
    ]
    return RunFigures(
        tokens=measured.tokens,
        tokens_per_second=measured.tokens / measured.seconds,
        first_token=median(answer.times[0] for answer in measured.answers),
        between_p50=percentile(gaps, 50),
        between_p95=percentile(gaps, 95),
        between_p99=percentile(gaps, 99),
    )


def summarize(pairs: Sequence[Pair], health: Sequence[float]) -> Summary:
    """Of pairs with one number of streams; `health`: round trips of /health in seconds, under as many streams."""

    def spread(value: Callable[[Pair], float]) -> Spread:
        return _spread([value(pair) for pair in pairs])

    peers = [pair.peer.tokens_per_second for pair in pairs if pair.peer is not None]

    tokens = sum(pair.served.tokens for pair in pairs)
    return Summary(
        streams=pairs[0].streams,
        pairs=len(pairs),
        bare=spread(lambda pair: pair.bare.tokens_per_second),
        served=spread(lambda pair: pair.served.tokens_per_second),
        ratio=spread(lambda pair: pair.ratio),
        bare_first_token=spread(lambda pair: pair.bare.first_token),
        served_first_token=spread(lambda pair: pair.served.first_token),
        bare_between_p50=spread(lambda pair: pair.bare.between_p50),
        served_between_p50=spread(lambda pair: pair.served.between_p50),
        bare_between_p95=spread(lambda pair: pair.bare.between_p95),
        served_between_p95=spread(lambda pair: pair.served.between_p95),
        bare_between_p99=spread(lambda pair: pair.bare.between_p99),
        served_between_p99=spread(lambda pair: pair.served.between_p99),
        server_cpu=1000 * sum(pair.server_cpu_seconds for pair in pairs) / tokens,
        health_p50=percentile(health, 50),
        health_p95=percentile(health, 95),
        peer=_spread(peers) if peers else None,
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))
