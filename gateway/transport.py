"""How a request reaches a device, and how its answer comes back: over HTTP on one machine, by Ray in a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, TypeVar

from starlette.types import Scope

from apis.errors import CODE_HEADER
from gateway.device import UpstreamDevice
from gateway.model_router import RouteTarget

T = TypeVar("T")
Raw = list[tuple[bytes, bytes]]


class Opened(ABC):
    """An answer that has begun; nothing of it has been passed on yet. `headers`: to be passed back; `code`: of the
    error, where it is one. To be closed by `cut`."""

    def __init__(self, target: RouteTarget, status: int, headers: Raw) -> None:
        self.target = target
        self.status = status
        self.headers = headers
        named = {name: value.decode("latin-1") for name, value in headers}
        self.code = named.get(CODE_HEADER.lower().encode(), "")
        self.media_type = named.get(b"content-type", "").partition(";")[0].strip().lower()

    @abstractmethod
    async def more(self) -> bytes:
        """What has come since; empty at the end. Raises `UpstreamUnavailable`."""

    @abstractmethod
    async def cut(self) -> None:
        """It is over; where it was not at its end the device sees its client go."""


class Transport(Protocol):
    async def ask(self, device: UpstreamDevice, path: str, answer_type: type[T], *, seconds: float) -> T:
        """The JSON answer to a question of the gateway's own. Raises `UpstreamUnavailable` for anything else."""
        ...

    async def open(self, target: RouteTarget, scope: Scope, body: bytes) -> Opened:
        """Raises `UpstreamUnavailable` as long as nothing of the answer has come."""
        ...
