"""What a supervised server is doing."""

from dataclasses import dataclass
from typing import Literal

ServerState = Literal["disabled", "no_models", "starting", "running", "stopping", "restarting", "failed"]


@dataclass(frozen=True)
class ServerStatus:
    """`since`: start of the state, seconds since the epoch. `restarts`: how often it was started again after dying.
    `exit_code`: of the last process that ended (negative: a signal). `last_error`: a sentence, None while it runs."""

    name: str
    state: ServerState
    since: float
    pid: int | None
    port: int
    restarts: int
    exit_code: int | None
    last_error: str | None
    last_log_lines: tuple[str, ...]
