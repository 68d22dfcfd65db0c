"""What a command can ask for, whoever answers. All answers are JSON-like, as on the admin's wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Protocol

Answer = dict[str, Any]


class House(Protocol):
    """Every method raises `CommandFailed`."""

    running: bool
    """Whether an admin server answers."""

    async def models(self) -> list[Answer]:
        """The models on this machine."""
        ...

    async def search(self, query: str) -> list[Answer]: ...

    async def recommended(self) -> list[Answer]:
        """Three models for each device of this PC."""
        ...

    def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[Answer, None]:
        """The pull job's states as they come, the last one final."""
        ...

    async def remove(self, model_id: str, *, force: bool) -> Answer: ...

    async def verify(self, model_id: str) -> Answer: ...

    async def import_folder(self, folder: Path, model_id: str | None, mode: str) -> Answer: ...

    async def assign(self, model_id: str, device: str, settings: Mapping[str, Any]) -> Answer: ...

    async def unassign(self, model_id: str, device: str) -> Answer: ...

    async def status(self) -> Answer:
        """The devices, and the models each of them offers."""
        ...

    async def gateway(self, changes: Mapping[str, Any]) -> Answer:
        """The gateway as it is after the changes: enabled, host, port."""
        ...

    async def doctor(self, language: str) -> Answer: ...

    async def close(self) -> None: ...
