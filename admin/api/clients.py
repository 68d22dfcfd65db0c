"""The JSON API of client configurations on this machine: written for a served model, and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from admin.api.responses import REFUSED
from admin.live.snapshots import SnapshotReader
from admin.pages.connect import served_models
from administration.errors import AdministrationError
from clients.agent import Agent
from clients.agents import AGENTS
from clients.fitness import unfit
from clients.places import Places
from clients.recipes import Way
from clients.starting import find_program
from clients.written import FOLDER, CannotConfigure, Change, WrittenClient
from configuration.schema import ModelId
from keys.access import Access
from notices import joined
from web.listening import is_loopback


class ClientChange(BaseModel):
    """`force`: use a model that is not fit for the client."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: ModelId
    key: str | None = Field(default=None, min_length=1, max_length=200)
    dry_run: bool = False
    force: bool = False


def clients_router(reader: SnapshotReader, access: Access, data_dir: Path, scheme: str) -> APIRouter:
    router = APIRouter(prefix="/api/clients", responses=REFUSED)

    def written(agent: Agent) -> WrittenClient:
        return WrittenClient(data_dir / FOLDER / agent.name)

    @router.get("")
    async def clients() -> dict[str, Any]:
        return {"clients": [_described(agent, written(agent)) for agent in AGENTS.values()]}

    @router.post("/{client}")
    async def write(client: str, body: ClientChange, request: Request) -> dict[str, Any]:
        """Only for a caller on this machine: it is this machine's files that change."""
        agent = _known(client, request)
        snapshot = await reader()
        model = next((each for each in served_models(snapshot) if each.public_id == body.model), None)
        if model is None:
            raise AdministrationError(404, "not_served", model=body.model)
        reasons = unfit(agent, body.model, abilities=model.abilities, context=model.context, level=model.level)
        if reasons and not body.force:
            raise AdministrationError(409, "client_unfit", reason=joined(*reasons))
        if access.required() and body.key is None:
            raise AdministrationError(409, "client_needs_key", client=agent.name)
        gateway = snapshot.gateway.port if snapshot.gateway.running else None
        way = Way(request.url.hostname or "127.0.0.1", scheme, access.required(), gateway, body.key)
        files = agent.files(way.target(model), Places.of_this_user())
        if not files:
            raise AdministrationError(409, "client_takes_no_file", client=agent.name)
        act = written(agent)
        changes = await _changing(lambda: act.plan(files) if body.dry_run else act.write(files, body.model))
        return {"client": _described(agent, act), "files": _files(changes)}

    @router.delete("/{client}")
    async def undo(client: str, request: Request) -> dict[str, Any]:
        agent = _known(client, request)
        act = written(agent)
        if act.record() is None:
            raise AdministrationError(404, "nothing_written", client=agent.title)
        changes = await _changing(act.undo)
        return {"client": _described(agent, act), "files": _files(changes)}

    return router


def is_this_machine(request: Request) -> bool:
    """Whether the page is looked at where the server runs. One that a proxy passes on is not."""
    caller = request.client.host if request.client else ""
    return is_loopback(caller) and is_loopback(request.url.hostname or "")


def _known(name: str, request: Request) -> Agent:
    if name not in AGENTS:
        raise AdministrationError(404, "unknown_client", name=name, known=", ".join(AGENTS))
    if not is_this_machine(request):
        raise AdministrationError(409, "not_this_machine", client=name)
    return AGENTS[name]


async def _changing(act: Callable[[], list[Change]]) -> list[Change]:
    try:
        return await asyncio.to_thread(act)
    except CannotConfigure as error:
        raise AdministrationError(409, "client_file", message=str(error)) from error
    except OSError as error:
        raise AdministrationError(409, "client_file", message=f"{error.filename}: {error.strerror}.") from error


def _described(agent: Agent, written: WrittenClient) -> dict[str, Any]:
    record = written.record()
    return {
        "client": agent.name,
        "title": agent.title,
        "installed": find_program(agent) is not None,
        "takes_files": agent.takes_files,
        "written": record.model if record else None,
    }


def _files(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [{"path": str(change.path), "diff": change.diff} for change in changes]
