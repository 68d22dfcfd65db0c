"""`doctor`: what was found, problems first."""

from __future__ import annotations

import argparse
import locale
import os

from commands.backend import AdminBackend
from commands.errors import FAILED
from commands.output import Output

_MARKS = {"problem": ("✗", "red"), "warning": ("!", "yellow"), "note": ("·", "cyan"), "ok": ("✓", "green")}


async def examine(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    with output.busy("Examining"):
        report = await backend.doctor(options.lang or system_language())
    output.document(report)
    for finding in report["findings"]:
        mark, style = _MARKS[finding["level"]]
        output.say(f"{mark} {finding['title']}", style=style)
        output.say(f"    {finding['detail']}")
        for line in filter(None, (finding["advice"], finding["command"] and f"$ {finding['command']}")):
            output.say(f"    → {line}")
    return FAILED if report["level"] == "problem" else 0


def system_language() -> str:
    """`zh-TW` on a Chinese system, else English."""
    try:
        named = locale.getlocale()[0]
    except ValueError:
        named = None
    words = (os.environ.get("LC_ALL"), os.environ.get("LC_MESSAGES"), os.environ.get("LANG"), named)
    chosen = next(filter(None, words), "")
    return "zh-TW" if chosen.lower().startswith(("zh", "chinese")) else "en"
