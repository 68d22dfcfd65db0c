"""Ollama's durations: `keep_alive` in seconds or in Go's notation, and nanoseconds in answers."""

import re

from pools.statistics import Timings
from reports.token_rate import token_rate
from web.errors import InvalidRequest

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 64
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def load_duration(timings: Timings) -> int:
    """Nanoseconds until the model was at hand, waiting for it included as Ollama has it; never 0, which clients take
    for an answer without timings."""
    waited = 0.0 if timings.started is None else timings.started - timings.created
    return max(1, int(max(waited, timings.load_seconds) * 1e9))


def eval_duration(timings: Timings, tokens: int) -> int:
    """Nanoseconds for `tokens`, such that Ollama's clients, which divide, show the rate that is shown everywhere."""
    rate = token_rate(timings, 0.0)
    return int(tokens / rate * 1e9) if rate else 0


def keep_alive_seconds(value: float | str | None) -> float | None:
    """Seconds; -1 for ever; None when nothing was asked. Raises `InvalidRequest`."""
    if value is None:
        return None
    if isinstance(value, (int, float)):
        return -1.0 if value < 0 else float(value)
    text = value.strip()
    digits = text.lstrip("+-")
    if digits == "0":
        return 0.0
    parts = _PART.findall(digits) if len(digits) <= _LONGEST else []
    if not parts or "".join(number + unit for number, unit in parts) != digits:
        raise InvalidRequest(f'keep_alive \'{value}\' is not a duration like "5m" or "1h30m".', param="keep_alive")
    return -1.0 if text.startswith("-") else sum(float(number) * _SECONDS[unit] for number, unit in parts)
