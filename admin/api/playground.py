"""Passes what a page asks of a model on to its device server: pages may call their own origin only."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from admin.api.requests import ModelName
from admin.api.responses import OF_DEVICE, LoadResponse, PlaygroundAnswer, UnloadResponse
from administration.errors import AdministrationError
from notices import restored
from supervision.suite import Suite
from web.openapi import answer
from web.tls import verification

CONNECT_SECONDS = 5
RESTART_SECONDS = 30.0
"""How long a request waits for a server that restarts."""
RETRY_SECONDS = 0.2
CHAT_PATH = "/api/playground/"
CHAT_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
"""What the device's /v1/chat/completions takes; its own document tells."""
FORM_BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {"type": "object"}}}}}
JSON = "application/json"


class Playground:
    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        # A model may take minutes to load before its first token: only connecting has a limit.
        self._client = httpx.AsyncClient(
            trust_env=False,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            headers=suite.launch.credentials(),
            verify=verification(suite.launch.tls),
        )

    def router(self) -> APIRouter:
        router = APIRouter()
        sound = {200: {"description": "Sound, in the format that the request asks for.", "content": {"audio/*": {}}}}
        for path, endpoint, answered, extra in (
            (CHAT_PATH + "{device}", self.chat, answer(PlaygroundAnswer, stream="text/event-stream"), CHAT_BODY),
            (CHAT_PATH + "{device}/images", self.draw, answer(stream="text/event-stream"), CHAT_BODY),
            (CHAT_PATH + "{device}/speech", self.speak, sound, CHAT_BODY),
            (CHAT_PATH + "{device}/transcriptions", self.transcribe, answer(), FORM_BODY),
            ("/api/devices/{device}/load", self.load, answer(LoadResponse), None),
            ("/api/devices/{device}/unload", self.unload, answer(UnloadResponse), None),
        ):
            responses = OF_DEVICE | answered
            router.add_api_route(path, endpoint, methods=["POST"], responses=responses, openapi_extra=extra)
        router.add_api_route(CHAT_PATH + "{device}/voices", self.voices, responses=OF_DEVICE | answer())
        return router

    async def close(self) -> None:
        await self._client.aclose()

    async def chat(self, request: Request, device: str) -> Response:
        """The body goes to the device's /v1/chat/completions as it is and its answer comes back as it is. When the
        page goes away the connection to the device server is closed, which stops its generation."""
        return await self._pass_on(device, "/v1/chat/completions", await request.body())

    async def draw(self, request: Request, device: str) -> Response:
        """The same with /v1/images/generations."""
        return await self._pass_on(device, "/v1/images/generations", await request.body())

    async def speak(self, request: Request, device: str) -> Response:
        """The same with /v1/audio/speech."""
        return await self._pass_on(device, "/v1/audio/speech", await request.body())

    async def transcribe(self, request: Request, device: str) -> Response:
        """The same with /v1/audio/transcriptions."""
        kind = request.headers.get("content-type", "")
        return await self._pass_on(device, "/v1/audio/transcriptions", await request.body(), kind)

    async def voices(self, device: str, model: str) -> Response:
        """What the device's /v1/audio/voices lists of a model."""
        return await self._pass_on(device, f"/v1/audio/voices?{urlencode({'model': model})}")

    async def load(self, device: str, body: ModelName) -> Response:
        """Have one instance of a model in memory; answers once it is there."""
        return await self._ask(device, f"/model/preload/{quote(body.model)}/1")

    async def unload(self, device: str, body: ModelName) -> Response:
        """End the instances of a model that have nothing to do."""
        return await self._ask(device, f"/model/cleanup?{urlencode({'model': body.model})}")

    async def unload_quietly(self, device: str, model: str) -> None:
        """End what is idle and wait for it. Raises `AdministrationError` where no server answers."""
        answer = await self._send(device, f"/model/cleanup?{urlencode({'model': model})}", b"")
        await answer.aread()
        await answer.aclose()

    async def _ask(self, device: str, path: str) -> Response:
        """What the device answers. Raises `AdministrationError` for a refusal, whose sentence is as the device has it
        or, of a newer one, its English text."""
        answer = await self._send(device, path, b"")
        content = await answer.aread()
        await answer.aclose()
        if answer.is_error:
            raise _refused(answer.status_code, content)
        return Response(content, media_type=answer.headers.get("content-type"), headers={"Cache-Control": "no-store"})

    async def _pass_on(self, device: str, path: str, body: bytes | None = None, kind: str = JSON) -> Response:
        answer = await self._send(device, path, body, kind)
        return StreamingResponse(
            _pieces(answer),
            status_code=answer.status_code,
            media_type=answer.headers.get("content-type"),
            headers={"Cache-Control": "no-store"},
        )

    async def _send(self, device: str, path: str, body: bytes | None, kind: str = JSON) -> httpx.Response:
        """A POST; without a body a GET."""
        method = "GET" if body is None else "POST"
        headers = {"Content-Type": kind, "User-Agent": "Playground"}
        deadline = time.monotonic() + RESTART_SECONDS
        broken_off = 0
        while True:
            status = self._suite.status(device)
            # A server that is starting has its socket open already: the connection waits in it.
            if status.state not in ("running", "starting", "restarting"):
                raise AdministrationError(503, "device_not_running", device=device)
            url = self._suite.launch.base_url(status.port) + path
            outgoing = self._client.build_request(method, url, content=body, headers=headers)
            try:
                return await self._client.send(outgoing, stream=True)
            except httpx.ConnectError as error:
                problem = error
            except httpx.HTTPError as error:  # it has had the request: one that kills servers must not kill all
                problem, broken_off = error, broken_off + 1
            if time.monotonic() > deadline or broken_off > 1:
                raise AdministrationError(502, "device_restarting", device=device) from problem
            await asyncio.sleep(RETRY_SECONDS)


def _refused(status: int, content: bytes) -> AdministrationError:
    try:
        error = json.loads(content)["error"]
        message = restored(error.get("phrase") or error["message"])
        return AdministrationError(status, str(error.get("code") or error["type"]), message=message)
    except (ValueError, LookupError, TypeError, AttributeError):
        return AdministrationError(status, "internal")


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    except httpx.HTTPError:
        return  # the device server has gone; the page sees an answer without its end
    finally:
        await answer.aclose()
