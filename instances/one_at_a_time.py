"""Pipelines whose step is one whole request."""

import threading
from abc import ABC, abstractmethod
from collections import deque

from instances.pipeline import Emit
from instances.protocol import Request, TokenOutput


class OneAtATime(ABC):
    """A `Pipeline` that answers its requests in the order in which they came."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        return bool(self._requests)

    def submit(self, request: Request) -> None:
        self._requests.append(request)

    def cancel(self, request_id: int) -> None:
        with self._lock:
            if any(request.id == request_id for request in self._requests):
                self._cancelled.add(request_id)

    def step(self, emit: Emit) -> None:
        request = self._requests[0]
        last = TokenOutput(request.id, [], "cancelled")
        if request.id not in self._cancelled:
            last = self._answer(request, emit)
        with self._lock:
            self._requests.popleft()
            self._cancelled.discard(request.id)
        emit([last])

    @abstractmethod
    def warm_up(self, request_id: int) -> Request:
        """See `Pipeline`."""

    @abstractmethod
    def _answer(self, request: Request, emit: Emit) -> TokenOutput:
        """The request's last output; those before it are emitted."""
