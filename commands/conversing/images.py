"""Images named in what a person types, as when a file is dragged into the terminal."""

from __future__ import annotations

import re
from pathlib import Path

_ENDINGS = r"\.(?:png|jpe?g|webp|bmp|gif)"
_NAMED = re.compile(
    rf"""(?P<quote>["'])(?P<quoted>[^"'\n]+{_ENDINGS})(?P=quote)|(?P<bare>(?:\\.|[^\s"'])+{_ENDINGS})(?!\w)""",
    re.IGNORECASE,
)


def take_images(text: str) -> tuple[str, list[Path]]:
    """The text without the names of image files that exist, and these files. Terminals escape spaces in a name that
    is dragged into them, or put quotes around it."""
    found: list[Path] = []

    def keep(match: re.Match[str]) -> str:
        for name in dict.fromkeys((match["quoted"] or match["bare"], re.sub(r"\\(.)", r"\1", match[0].strip("\"'")))):
            path = Path(name).expanduser()
            if _is_file(path):
                found.append(path)
                return ""
        return match[0]

    left = _NAMED.sub(keep, text)
    return (re.sub(r"[ \t]{2,}", " ", left).strip() if found else text), found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that the file system cannot have
        return False
