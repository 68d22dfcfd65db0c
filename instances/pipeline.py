"""What a worker expects of a pipeline, whatever its kind."""

from collections.abc import Callable
from typing import Protocol

from instances.protocol import Request, TokenOutput

Emit = Callable[[list[TokenOutput]], None]


class Pipeline(Protocol):
    """A loaded model. All calls but `cancel` come from one thread."""

    def warm_up(self, request_id: int) -> Request:
        """A small request of the kind that this pipeline answers."""
        ...

    @property
    def busy(self) -> bool:
        """Whether `step` has work to do."""
        ...

    def submit(self, request: Request) -> None:
        """Take a request. Raises on one that the library refuses; the pipeline stays usable."""
        ...

    def cancel(self, request_id: int) -> None:
        """End a request at the next step. Unknown ids are ignored. Safe from any thread."""
        ...

    def step(self, emit: Emit) -> None:
        """Do the next piece of work. An exception here means that the pipeline is broken."""
        ...
