"""A terminal, pipe or file whose encoding lacks characters of ours, as Windows' code pages do."""

import codecs
import io
import sys

_PLAIN = {"✓": "+", "✗": "x", "×": "x", "→": "->", "…": "..."} | dict.fromkeys("·•–—━╸", "-")
_HANDLER = "plain_characters"


def accept_all_characters() -> None:
    """From now on what standard output and error cannot encode is written as something plain, never as an error."""
    codecs.register_error(_HANDLER, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in missing), error.end
