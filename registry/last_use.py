"""When each model was last asked, remembered over restarts."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from registry.disk import write_json
from storage.files import BROKEN_FILE, read_bytes

FILE = ".last_used.json"


class LastUse:
    """Seconds since the epoch by model id, in one JSON file. A file that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._times: dict[str, float] = {}
        self._saved: dict[str, float] = {}
        with contextlib.suppress(*BROKEN_FILE):
            times = json.loads(read_bytes(path))
            self._times = {str(model_id): float(time) for model_id, time in times.items()}
            self._saved = dict(self._times)

    def at(self, model_id: str) -> float | None:
        """None: never, as far as is known."""
        return self._times.get(model_id)

    def note(self, model_id: str, time: float) -> None:
        self._times[model_id] = max(time, self._times.get(model_id, 0.0))

    def save(self) -> None:
        """Write what has changed. Without the right to write it is forgotten at the end."""
        if self._times != self._saved:
            with contextlib.suppress(OSError):
                write_json(self._path, self._times, durable=False)
                self._saved = dict(self._times)
