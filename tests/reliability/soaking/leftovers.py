"""Files that were not there before."""

import re
from pathlib import Path

_KEPT = re.compile(
    r"logs/.*\.log(\.\d+)?"
    r"|cache_[^/]+/(?!.*(\.tmp|\.part|\.lock)$).*"
    r"|\.last_used\.json|\.usage\.sqlite|models/\.catalogue\.json|models/\.partial/jobs\.json|models/\.(partial|trash)"
)
"""What a running suite adds for good: its logs, what was compiled, hashed or measured, and its lists, one of each."""
_OF_RUNNING = re.compile(r"\.running\.json|\.memory/(\d+)-\d+\.json")


def files(folder: Path) -> set[str]:
    """All below a folder, directories too, relative and with slashes."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def left_over(before: set[str], after: set[str], *, running: set[int]) -> list[str]:
    """`running` are the processes that may have files of their own."""
    new = {name for name in after - before if not _KEPT.fullmatch(name)}
    of_running = {name: match for name in after if (match := _OF_RUNNING.fullmatch(name))}
    allowed = {name for name, match in of_running.items() if running and int(match[1] or 0) in {0, *running}}
    return sorted((new | set(of_running)) - allowed)
