"""A rotated log file that loses no line while another program holds it open."""

from logging.handlers import RotatingFileHandler
from pathlib import Path

_AGAIN_AFTER = 0.1
"""Of the largest size: how much is written before the next try."""


class RotatingLogFile(RotatingFileHandler):
    """On Windows a file that an editor has open cannot be renamed: it is written on, and rotated later. Sizes in bytes;
    what UTF-8 lacks is written as its escape."""

    def __init__(self, path: Path, *, max_bytes: int, backups: int, delay: bool = False) -> None:
        super().__init__(
            path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", errors="backslashreplace", delay=delay
        )
        self._max_bytes = max_bytes

    def doRollover(self) -> None:
        """The newest is renamed first: were the older ones moved along before that fails, each try would drop one."""
        if self.stream:
            self.stream.close()
            self.stream = None
        try:
            Path(self.baseFilename).rename(self._aside)
            self._shift()
        except OSError:
            self.maxBytes += max(1, int(self._max_bytes * _AGAIN_AFTER))
        else:
            self.maxBytes = self._max_bytes

    def _shift(self) -> None:
        try:
            super().doRollover()
        except OSError:
            Path(self._aside).rename(self.baseFilename)
            raise

    def rotate(self, source: str, dest: str) -> None:
        super().rotate(self._aside, dest)

    @property
    def _aside(self) -> str:
        return f"{self.baseFilename}.rotating"
