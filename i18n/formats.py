"""Numbers, sizes and times as everything here writes them. Sizes are decimal (1 GB = 10^9 bytes), of files and of
memory: the configuration's are, and only figures of one unit can be compared."""

from __future__ import annotations

from datetime import datetime

import humanize

from i18n.catalogues import Translator


def size(value: float | None) -> str:
    """`7.9 GB`; an en dash when unknown."""
    return "–" if value is None else humanize.naturalsize(value, format="%.1f" if value >= 1e6 else "%.0f")


def count(value: float | None) -> str:
    """`387 M` parameters."""
    if value is None:
        return "–"
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= limit:
            return f"{value / limit:.1f}".removesuffix(".0") + unit
    return f"{value:.0f}"


def speed(value: float) -> str:
    """Tokens a second, as exactly as an estimate deserves: `12`, `2.5`."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def plain(value: float) -> str:
    """A number as a form field holds it: `300`, `1.5`."""
    return str(int(value)) if value == int(value) else str(value)


def tokens(value: int | None) -> str:
    """A context length: `4K` for 4096, `131K` for 131072, the number itself where it is no round thousand."""
    if value is None:
        return "–"
    if value % 1024 == 0:
        return f"{value // 1024}K"
    return f"{value / 1000:.0f}K" if value >= 10_000 else str(value)


def duration(seconds: float | None, t: Translator) -> str:
    """The two largest units: `3 min 12 s`."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return t("time.hours_minutes", h=hours, m=minutes)
    if minutes:
        return t("time.minutes_seconds", m=minutes, s=rest)
    return t("time.seconds", s=rest)


def clock(value: float) -> str:
    """The time of day in the server's time zone: `14:05:09`."""
    return datetime.fromtimestamp(value).strftime("%H:%M:%S")


def second(value: float) -> str:
    """A point in time in the server's time zone, to the second: `2026-11-23 14:05:09`."""
    return datetime.fromtimestamp(value).strftime("%Y-%m-%d %H:%M:%S")


def seconds(value: float | None) -> str:
    """`0.42 s`, `12.3 s`; an en dash when unknown."""
    return "–" if value is None else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def moment(value: str | float | None) -> str:
    """A point in time in the server's time zone: `2026-11-23 14:05`. Takes epoch seconds or ISO 8601."""
    if value is None or value == "":
        return "–"
    try:
        when = datetime.fromtimestamp(value) if isinstance(value, (int, float)) else _parse(value)
    except ValueError:
        return str(value)
    return when.strftime("%Y-%m-%d %H:%M")


def _parse(text: str) -> datetime:
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read the Z
    return when.astimezone() if when.tzinfo else when


def sentences(*parts: str, t: Translator) -> str:
    """In one paragraph, without the empty ones. Chinese puts no space after a full stop."""
    return ("" if t.tag.startswith("zh") else " ").join(filter(None, parts))
