"""Throughput as a picture: bars in an SVG, one group for each number of streams."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.figures import Summary

_WIDTH, _HEIGHT, _MARGIN, _BASE = 640, 320, 48, 270
_BAR = 26
_COLOURS = {"bare": "#8a94a6", "served": "#2563c9", "peer": "#c9822b"}


def throughput_plot(summaries: Sequence[Summary]) -> str:
    """Tokens per second of each side (medians)."""
    groups = [(summary.streams, _bars(summary)) for summary in summaries]
    most = max((value for _, bars in groups for value in bars.values()), default=1.0)
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(groups))
    parts = [_text(_MARGIN, 24, "Tokens per second, by number of streams", size=15, anchor="start")]
    parts += _legend(sorted({name for _, bars in groups for name in bars}, key=list(_COLOURS).index))
    for number, (streams, bars) in enumerate(groups):
        middle = _MARGIN + step * (number + 0.5)
        parts.append(_text(middle, _BASE + 20, str(streams)))
        for place, (name, value) in enumerate(bars.items()):
            left = middle + (place - len(bars) / 2) * _BAR
            height = value / most * (_BASE - 60)
            parts.append(
                f'<rect x="{left:.1f}" y="{_BASE - height:.1f}" width="{_BAR - 4}" height="{height:.1f}" '
                f'fill="{_COLOURS[name]}"/>'
            )
            parts.append(_text(left + _BAR / 2 - 2, _BASE - height - 5, f"{value:.0f}", size=10))
    parts.append(f'<line x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{_BASE}" y2="{_BASE}" stroke="#8a94a6"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>', *parts, "</svg>\n"])


def _bars(summary: Summary) -> dict[str, float]:
    bars = {"bare": summary.bare.median, "served": summary.served.median}
    return bars if summary.peer is None else {**bars, "peer": summary.peer.median}


def _legend(names: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for place, name in enumerate(names):
        left = _WIDTH - _MARGIN - 80 * (len(names) - place)
        parts.append(f'<rect x="{left}" y="14" width="12" height="12" fill="{_COLOURS[name]}"/>')
        parts.append(_text(left + 18, 24, name, anchor="start"))
    return parts


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "middle") -> str:
    style = f'font-size="{size}" text-anchor="{anchor}" fill="#30363f"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
