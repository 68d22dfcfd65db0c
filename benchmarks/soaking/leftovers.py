"""Files that were not there before."""

import re
from pathlib import Path

_KEPT = re.compile(r"logs/.*\.log(\.\d+)?|cache_[^/]+/(?!.*(\.tmp|\.part|\.lock)$).*|main\.log")
"""What a running suite adds for good reason: its logs, what was compiled, hashed or measured."""


def files(folder: Path) -> set[str]:
    """All below a folder, directories too, relative and with slashes."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def left_over(before: set[str], after: set[str]) -> list[str]:
    return sorted(name for name in after - before if not _KEPT.fullmatch(name))
