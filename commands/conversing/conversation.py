"""A conversation with one served model: what was said, how it is asked, and its answer as it comes."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from commands.backend import SuiteAddress
from commands.errors import FAILED, NOT_FOUND, UNREACHABLE, CommandFailed
from commands.served import OfferedModel

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Piece:
    """What came next of an answer. `statistics` only with the last one: Ollama's counts and nanoseconds."""

    text: str = ""
    thinking: str = ""
    statistics: dict[str, Any] | None = None


@dataclass
class TerminalChat:
    """`options` as Ollama's API has them; `think` None leaves it to the model, `keep_alive` to the configuration."""

    model: OfferedModel
    address: SuiteAddress
    system: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    form: Any = None
    keep_alive: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    images: list[Path] = field(default_factory=list)
    """To go with the next message."""

    def clear(self) -> None:
        self.messages.clear()
        self.images.clear()

    async def ask(self, text: str) -> AsyncGenerator[Piece, None]:
        """Say something and hear the answer. Whoever stops listening stops the answer, and what came of it stays in
        the conversation; what failed before it began is not part of it. Raises `CommandFailed`."""
        said: dict[str, Any] = {"role": "user", "content": text}
        if self.images:
            said["images"] = [base64.b64encode(read_image(path)).decode("ascii") for path in self.images]
        heard = {"role": "assistant", "content": ""}
        begun = False
        try:
            async with contextlib.aclosing(self._stream([*self.messages, said])) as pieces:
                async for piece in pieces:
                    begun = True
                    heard["content"] += piece.text
                    yield piece
        finally:
            if begun:
                self.messages += [said, heard]
                self.images.clear()

    async def _stream(self, messages: list[dict[str, Any]]) -> AsyncGenerator[Piece, None]:
        url = f"{self.address.server(self.model.port)}/api/chat"
        try:
            async with (
                self._client() as client,
                client.stream("POST", url, json=self._body(messages)) as answer,
            ):
                if answer.is_error:
                    await answer.aread()
                    raise _refused(answer)
                async for line in answer.aiter_lines():
                    if line.strip():
                        yield _piece(json.loads(line))
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise CommandFailed(
                f"The server of {self.model.device} does not answer ({reason}).", code=UNREACHABLE
            ) from error

    def _body(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        body: dict[str, Any] = {"model": self.model.name, "messages": [*system, *messages], "options": self.options}
        chosen = {"think": self.think, "format": self.form, "keep_alive": self.keep_alive}
        return body | {name: value for name, value in chosen.items() if value is not None}

    def _client(self) -> httpx.AsyncClient:
        """Answers may take any time: a model may have to load first."""
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self.address.key}"} if self.address.key else {},
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            trust_env=False,
            verify=self.address.verify,
        )


def read_image(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.", code=NOT_FOUND) from error


def _piece(line: dict[str, Any]) -> Piece:
    if "error" in line:
        raise CommandFailed(str(line["error"]))
    message = line.get("message") or {}
    statistics = line if line.get("done") else None
    return Piece(message.get("content") or "", message.get("thinking") or "", statistics)


def _refused(answer: httpx.Response) -> CommandFailed:
    try:
        reason = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"The server answered with status {answer.status_code}."
    return CommandFailed(reason, code=NOT_FOUND if answer.status_code == 404 else FAILED)
