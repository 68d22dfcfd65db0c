"""Which of the first steps have been taken, remembered over restarts."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from configuration.device_config import DEMO_MODEL_ID
from registry.disk import write_json
from reports.requests import Request
from storage.files import BROKEN_FILE, read_bytes

FILE = ".first_steps.json"
_OWN_PROGRAM = "Playground"


@dataclass(frozen=True)
class StepsTaken:
    """What has once been done stays done. `hidden`: nobody wants to see the steps any more."""

    loaded: bool = False
    chatted: bool = False
    connected: bool = False
    hidden: bool = False


class StepsFile:
    """The steps taken, in one JSON file of the data directory. A file that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.taken = StepsTaken()
        with contextlib.suppress(*BROKEN_FILE, AttributeError):
            known = json.loads(read_bytes(path))
            self.taken = StepsTaken(**{each.name: known.get(each.name) is True for each in fields(StepsTaken)})

    def note(self, **steps: bool) -> None:
        """Without the right to write it is forgotten at the end."""
        after = replace(self.taken, **steps)
        if after != self.taken:
            self.taken = after
            with contextlib.suppress(OSError):
                write_json(self._path, asdict(after), durable=False)

    def note_request(self, model_id: str, entry: Request) -> None:
        """A request for a model of this machine. The bundled one is a try, not a step."""
        answered = entry.outcome == "completed" or entry.generated_tokens > 0
        if not answered or model_id == DEMO_MODEL_ID:
            return
        if entry.agent.startswith(_OWN_PROGRAM):
            self.note(loaded=True, chatted=True)
        else:
            self.note(loaded=True, connected=True)
