"""What a command can ask for, whoever answers. All answers are JSON-like, as on the admin's wire."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from keys.key import KeyScope

JsonAnswer = dict[str, Any]


@dataclass(frozen=True)
class SuiteAddress:
    """How the running suite is reached: the admin server's URL, what its servers ask for, the certificate to trust."""

    url: str
    key: str | None = field(default=None, repr=False)
    verify: ssl.SSLContext | bool = True

    def server(self, port: int) -> str:
        """The base URL of another of the suite's servers, on the same machine."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}:{port}"


class AdminBackend(Protocol):
    """Every method raises what `commands.errors.explained` takes, or `CommandFailed`."""

    running: bool
    """Whether an admin server answers."""

    address: SuiteAddress | None
    """None where none does."""

    async def models(self) -> list[JsonAnswer]:
        """The models on this machine."""
        ...

    async def search(self, query: str) -> list[JsonAnswer]: ...

    async def recommended(self) -> list[JsonAnswer]:
        """Three models for each device of this PC."""
        ...

    def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[JsonAnswer, None]:
        """The pull job's states as they come, the last one final."""
        ...

    def convert(self, body: Mapping[str, Any]) -> AsyncGenerator[JsonAnswer, None]:
        """The conversion's states as they come, the last one final. `body`: as of POST /api/convert_model."""
        ...

    async def converter(self, *, remove: bool) -> JsonAnswer:
        """What is here of the converter; with `remove`, what was freed."""
        ...

    async def remove(self, model_id: str, *, force: bool) -> JsonAnswer: ...

    async def verify(self, model_id: str) -> JsonAnswer: ...

    async def import_folder(self, folder: Path, model_id: str | None, mode: str) -> JsonAnswer: ...

    async def assign(self, model_id: str, device: str, settings: Mapping[str, Any]) -> JsonAnswer: ...

    async def unassign(self, model_id: str, device: str) -> JsonAnswer: ...

    async def status(self) -> JsonAnswer:
        """The devices, and the models each of them offers."""
        ...

    async def gateway(self, changes: Mapping[str, Any]) -> JsonAnswer:
        """The gateway as it is after the changes: enabled, host, port."""
        ...

    async def purposes(self, *, replace: bool, dry_run: bool) -> JsonAnswer:
        """The model chosen for each purpose, and the gateway as it then is."""
        ...

    async def keys(self) -> list[JsonAnswer]: ...

    async def create_key(self, name: str, scopes: Sequence[KeyScope]) -> JsonAnswer:
        """The key and its secret. No scopes: the first key may do everything, others may ask the models."""
        ...

    async def revoke_key(self, id_or_name: str) -> JsonAnswer:
        """The key that is no longer one."""
        ...

    async def restart(self, name: str) -> None:
        """Begin a device's server, or the gateway, afresh. Only where the suite runs."""
        ...

    async def shut_down(self) -> None:
        """Tell the suite to stop. Only where it runs."""
        ...

    async def doctor(self, language: str) -> JsonAnswer: ...

    async def close(self) -> None: ...
