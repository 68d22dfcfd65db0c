"""Writing to the terminal: tables and sentences for people, or one JSON document."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from notices import Notice, as_phrase

_WIDE = 200


class Output:
    """as_json: only `document` is shown. People's words go to stdout, progress and errors to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._console = _console(sys.stdout)
        self.errors = _console(sys.stderr)

    def document(self, value: Any) -> None:
        """The answer itself; only with as_json. Characters beyond ASCII are escaped: a pipe may have any encoding."""
        if self.as_json:
            print(json.dumps(value, indent=1))

    def step(self, value: Any) -> None:
        """What a program may want to know meanwhile: one line on the error output; only with as_json."""
        if self.as_json:
            print(json.dumps(value), file=sys.stderr, flush=True)

    def say(self, text: str = "", *, style: str = "") -> None:
        if not self.as_json:
            self._console.print(Text(text, style=style), soft_wrap=True)

    @property
    def interactive(self) -> bool:
        """Somebody reads along."""
        return self._console.is_terminal and not self.as_json

    def write(self, text: str) -> None:
        """A piece of an answer, just as it is."""
        if not self.as_json:
            sys.stdout.write(text)
            sys.stdout.flush()

    def write_aside(self, text: str) -> None:
        """A piece of what is not the answer itself; on a terminal only."""
        if self.interactive:
            self._console.print(Text(text, style="dim"), end="", soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(table)

    def progress(self, text: str) -> None:
        """What people may want to know meanwhile."""
        if not self.as_json:
            self.errors.print(Text(text), soft_wrap=True)

    def busy(self, text: str) -> contextlib.AbstractContextManager[Status | None]:
        """A sign of life while something takes its time; on a terminal only."""
        shown = self.errors.is_terminal and not self.as_json
        return self.errors.status(f"{text} …") if shown else contextlib.nullcontext()

    def fail(self, message: str, kind: str) -> None:
        if self.as_json:
            phrase = {"phrase": msgspec.to_builtins(as_phrase(message))} if isinstance(message, Notice) else {}
            print(json.dumps({"error": {"message": message, "type": kind or "failed", **phrase}}, indent=1))
        else:
            self.errors.print(Text(message, style="red"), soft_wrap=True)


def _console(stream: Any) -> Console:
    """Into a pipe nothing is cut off or coloured."""
    return Console(file=stream, width=None if stream.isatty() else _WIDE, highlight=False, legacy_windows=None)
