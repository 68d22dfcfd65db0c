"""POST /api/pull: fetch a model, assign it to this device, serve it at once."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from administration.client import AdminClient
from administration.pulls import failure
from apis.device_models import DeviceModels, as_service_errors
from apis.errors import as_service_error, ollama_error
from apis.model_names import ModelNames
from apis.ollama.answers import LINES, PULL_ERRORS, OllamaStatus
from web.bodies import read_body
from web.errors import InvalidRequest, ServiceError
from web.openapi import answer, body_schema
from web.streaming import JSON, StreamResponse, ndjson


class NamedRequest(BaseModel):
    """A request about one model, which older clients call `name`."""

    model: str | None = None
    name: str | None = None

    @property
    def asked(self) -> str:
        """Raises `InvalidRequest` when no model is named."""
        if name := (self.model or self.name or "").strip():
            return name
        raise InvalidRequest("model is required", param="model")


class OllamaPullRequest(NamedRequest):
    """POST /api/pull. `insecure` changes nothing: the hub's address decides."""

    stream: bool | None = None


class PullFailed(ServiceError):
    code = "pull_failed"


Connect = Callable[[], AdminClient]
"""Downloads run in the admin server alone: one list of them, one look at the disk's room, one hub and token, and
progress on the page whoever asked."""
Event = dict[str, Any]
_QUANTIZATION = re.compile(r"(I?Q\d\w*|B?F(16|32))", re.IGNORECASE)


def pull_routes(connect: Connect, models: DeviceModels, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Ollama"], responses=PULL_ERRORS)
    running: set[asyncio.Task[None]] = set()

    @router.post(
        "/api/pull", openapi_extra=body_schema(OllamaPullRequest), responses=answer(OllamaStatus, stream=LINES)
    )
    async def pull(request: Request) -> Response:
        body = await read_body(request, OllamaPullRequest)
        events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        # A client that leaves does not stop the download, nor what comes after it.
        task = asyncio.create_task(_pull(connect, models, names, body.asked, events))
        running.add(task)
        task.add_done_callback(running.discard)
        if body.stream is False:
            return JSON([event async for event in _events(events)][-1])
        return StreamResponse(_lines(events), media_type=LINES)

    return router


async def _pull(
    connect: Connect,
    models: DeviceModels,
    names: ModelNames,
    name: str,
    events: "asyncio.Queue[Event | Exception | None]",
) -> None:
    try:
        events.put_nowait({"status": "pulling manifest"})
        model_id, tag = _split(names.bare(name))
        local = await models.find(model_id)
        if local is None or tag is not None:
            of_gguf = tag is not None and _QUANTIZATION.fullmatch(tag)
            asked, revision = (f"{model_id}:{tag}", None) if of_gguf else (model_id, tag)
            with as_service_errors():
                async with connect() as admin:
                    await _follow(admin, asked, revision, events)
            local = await models.find(model_id)
        if local is None:
            raise PullFailed(f"'{model_id}' has been pulled, but its files are no usable model.")
        events.put_nowait({"status": "writing manifest"})
        await models.assign(local.id)
        events.put_nowait({"status": "success"})
    except Exception as error:
        events.put_nowait(error)
    finally:
        events.put_nowait(None)


async def _follow(
    admin: AdminClient, model_id: str, revision: str | None, events: "asyncio.Queue[Event | Exception | None]"
) -> None:
    """Raises `PullFailed` and `AdministrationError` unless the model is here at the end."""
    seen: dict[str, int] = {}
    job: dict[str, Any] = {}
    async with aclosing(admin.pull(model_id, revision)) as jobs:
        async for job in jobs:
            for event in _progress(job, seen):
                events.put_nowait(event)
    if error := failure(job):
        raise error
    if job["state"] != "ready":
        raise PullFailed(f"The pull was {job['state']}.")


def _split(name: str) -> tuple[str, str | None]:
    """Model id and tag: a quantisation names one file of a GGUF repository, anything else is a revision."""
    model_id, _, tag = name.partition(":")
    return model_id, tag or None


def _progress(job: dict[str, Any], seen: dict[str, int]) -> Iterator[Event]:
    """What has changed since the last look, in Ollama's words."""
    for file in job["files"]:
        if seen.get(file["path"]) == file["done"]:
            continue
        seen[file["path"]] = file["done"]
        digest = hashlib.sha256(f"{job['model_id']} {job['commit']} {file['path']}".encode()).hexdigest()
        progress = {"digest": f"sha256:{digest}", "total": file["size"], "completed": file["done"]}
        yield {"status": f"pulling {digest[:12]}", **progress}
    if job["state"] == "verifying" and "" not in seen:
        seen[""] = 1
        yield {"status": "verifying sha256 digest"}


async def _events(events: "asyncio.Queue[Event | Exception | None]") -> AsyncGenerator[Event, None]:
    while (event := await events.get()) is not None:
        if isinstance(event, Exception):
            raise event
        yield event


async def _lines(events: "asyncio.Queue[Event | Exception | None]") -> AsyncGenerator[bytes, None]:
    try:
        async for event in _events(events):
            yield ndjson(event)
    except Exception as error:
        yield ndjson(ollama_error(as_service_error(error)))
