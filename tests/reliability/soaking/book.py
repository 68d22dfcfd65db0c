"""What happened in a soak: answers, faults, and which failure which fault explains."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["cut", "late", "refused", "error event", "wrong"]
"""How a call can fail: the connection broke; nothing came for too long; a status other than 200; an error inside a
stream that had begun; an answer that is not what it must be."""

FaultKind = Literal[
    "worker killed",
    "server killed",
    "configuration applied",
    "configuration file broken",
    "pull cancelled",
    "pull finished and deleted",
    "instances unloaded",
    "machine stood still",
]

CUT_SECONDS = 2.0
"""A connection that a killed server held is known to be broken within this time."""
LAST_REQUESTS_SECONDS = 5.0
"""So long a server that is replaced goes on answering; what takes longer may be ended, as docs/architecture.md says."""
REPLACED_SECONDS = 20.0


class CallFailed(Exception):
    """`status` is that of a refusal."""

    def __init__(self, form: Form, detail: str, status: int = 0) -> None:
        super().__init__(f"{form}: {detail}")
        self.form: Form = form
        self.detail = detail
        self.status = status


@dataclass(frozen=True)
class Fault:
    """Times on the monotonic clock, just before and just after."""

    kind: FaultKind
    device: str | None
    began: float
    ended: float


@dataclass(frozen=True)
class Failure:
    call: str
    device: str | None
    began: float
    ended: float
    error: CallFailed
    bound_to_form: bool = False
    patience: float = 120.0

    def __str__(self) -> str:
        return f"{self.call} on {self.device or 'the page'} after {self.ended - self.began:.1f} s: {self.error}"


@dataclass
class Book:
    """Written by clients and faults alike. `start` is the soak's own zero."""

    start: float = field(default_factory=time.monotonic)
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def verdict(self) -> tuple[Counter[str], list[str]]:
        """Explained failures by their explanation, and the others with what had happened before them."""
        explained: Counter[str] = Counter()
        unexplained: list[str] = []
        for failure in self.failures:
            if reason := next(filter(None, (_explanation(failure, fault) for fault in self.faults)), None):
                explained[reason] += 1
            else:
                unexplained.append(f"{failure.ended - self.start:7.1f} s  {failure}; {self._before(failure)}")
        return explained, unexplained

    def _before(self, failure: Failure) -> str:
        recent = [fault for fault in self.faults if failure.began - 30 <= fault.began <= failure.ended]
        said = [f"{fault.kind} ({fault.device}) {failure.ended - fault.began:.1f} s before" for fault in recent]
        return ", ".join(said) or "no fault before"


def _explanation(failure: Failure, fault: Fault) -> str | None:
    """What a fault may do to a call that was under way on the same device, and nothing else."""
    error = failure.error
    if fault.kind == "machine stood still":
        waited_through_it = fault.began <= failure.ended and failure.ended - failure.patience <= fault.ended
        return "late while the whole machine stood still" if waited_through_it and error.form == "late" else None
    if fault.device != failure.device or failure.began > fault.ended or failure.ended < fault.began:
        return None
    if fault.kind == "server killed" and error.form == "cut" and failure.ended <= fault.ended + CUT_SECONDS:
        return "cut off when its device server was killed"
    if fault.kind == "worker killed" and failure.bound_to_form and "prescribed form" in error.detail:
        return "an answer of a prescribed form had begun when its worker was killed"
    ended_late = fault.began + LAST_REQUESTS_SECONDS <= failure.ended <= fault.ended + REPLACED_SECONDS
    if fault.kind == "configuration applied" and ended_late and error.form in ("cut", "error event", "refused"):
        return "longer than a replaced device server's last seconds"
    return None
