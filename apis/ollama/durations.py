"""Ollama's `keep_alive`: seconds as a number, or a duration in Go's notation."""

import re

from web.errors import InvalidRequest

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 64
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


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
