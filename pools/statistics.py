"""What happened to the requests of one model: counts, and the recent speed."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pools.histogram import SECONDS_A_TOKEN, SECONDS_TO_FIRST_TOKEN, Histogram
from reports.token_rate import TokenPace, token_rate

_RECENT = 100


@dataclass
class Timings:
    """The moments of one request on the manager's monotonic clock (seconds); None until they come.

    `evicted_tokens` of the prompt had been in the KV cache and were computed again; `larger_cache`: the settings that
    would help. `audio_seconds` were heard or spoken, `steps` taken on pictures.
    """

    created: float
    load_seconds: float = 0.0
    started: float | None = None
    first_token: float | None = None
    finished: float | None = None
    prompt_tokens: int = 0
    generated_tokens: int = 0
    evicted_tokens: int = 0
    audio_seconds: float = 0.0
    steps: int = 0
    larger_cache: tuple[str, ...] = ()
    pace: TokenPace = field(default_factory=TokenPace)
    queue_position: Callable[[], int] | None = None
    """Asks for the place in the queue, 1 = next; None while the request does not wait."""

    @property
    def prefill_seconds(self) -> float:
        """From the instance's being free to the first token."""
        return _between(self.started, self.first_token)

    @property
    def decode_seconds(self) -> float:
        """From the first token to the last."""
        return _between(self.first_token, self.finished)

    @property
    def total_seconds(self) -> float:
        return _between(self.created, self.finished)


@dataclass
class Statistics:
    """Totals since the start, means over the most recent requests. `longest_tokens`: the most that prompt and answer of
    one request took together."""

    requests: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    resumed: int = 0
    prompt_tokens: int = 0
    evicted_prompts: int = 0
    evicted_tokens: int = 0
    longest_tokens: int = 0
    audio_seconds: float = 0.0
    steps: int = 0
    first_token: Histogram = field(default_factory=lambda: Histogram(SECONDS_TO_FIRST_TOKEN))
    between_tokens: Histogram = field(default_factory=lambda: Histogram(SECONDS_A_TOKEN))
    _generated_before: int = 0
    _running: list[Timings] = field(default_factory=list)
    _recent: deque[Timings] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @contextmanager
    def counted(self, timings: Timings, clock: Callable[[], float]) -> Iterator[None]:
        """Count the request that runs inside, by how it ends; `timings` gets its end and is then added to the sums."""
        self.requests += 1
        self._running.append(timings)
        try:
            yield
            self.completed += 1
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        except Exception:
            self.failed += 1
            raise
        finally:
            timings.finished = clock()
            self._running = [each for each in self._running if each is not timings]
            self._add(timings)

    @property
    def generated_tokens(self) -> int:
        """Those of the requests that are still running too, so that it tells the present speed."""
        return self._generated_before + sum(each.generated_tokens for each in self._running)

    def _add(self, timings: Timings) -> None:
        self.prompt_tokens += timings.prompt_tokens
        self.evicted_prompts += timings.evicted_tokens > 0
        self.evicted_tokens += timings.evicted_tokens
        self._generated_before += timings.generated_tokens
        self.longest_tokens = max(self.longest_tokens, timings.prompt_tokens + timings.generated_tokens)
        self.audio_seconds += timings.audio_seconds
        self.steps += timings.steps
        if timings.first_token is not None:
            self._recent.append(timings)
            self.first_token.observe(_between(timings.created, timings.first_token))
        if timings.pace.tokens:  # once a request, since once a token would cost every stream
            self.between_tokens.observe(timings.pace.seconds / timings.pace.tokens, timings.pace.tokens)

    @property
    def mean_first_token_seconds(self) -> float | None:
        """From the request's arrival to its first token."""
        return _mean([_between(t.created, t.first_token) for t in self._recent])

    @property
    def mean_queue_seconds(self) -> float | None:
        return _mean([_between(t.created, t.started) for t in self._recent])

    @property
    def mean_tokens_per_second(self) -> float | None:
        """Of one stream."""
        return _mean([rate for each in self._recent if (rate := token_rate(each, 0.0)) is not None])


def _between(start: float | None, end: float | None) -> float:
    return end - start if start is not None and end is not None else 0.0


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
