"""The running admin server answers, over its JSON API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from commands.backend import JsonAnswer
from commands.errors import CONFLICT, NOT_FOUND, UNREACHABLE, CommandFailed
from web.tls import trusting

_POLL_SECONDS = 0.3
_CONNECT_SECONDS = 5.0
FINAL = ("ready", "failed", "cancelled", "paused")


class RemoteBackend:
    running = True

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        certificate: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`certificate`: the file of the one that the server shows; `transport` is for tests."""
        self._url = url
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            trust_env=False,
            verify=trusting(Path(certificate)) if certificate else True,
            transport=transport,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def greet(self) -> None:
        """Raises `CommandFailed` where nobody answers."""
        await self._ask("GET", "/api/hub")

    async def models(self) -> list[JsonAnswer]:
        return (await self._ask("GET", "/api/local_models"))["models"]

    async def search(self, query: str) -> list[JsonAnswer]:
        return (await self._ask("GET", "/api/search_models", params={"query": query}))["models"]

    async def recommended(self) -> list[JsonAnswer]:
        return (await self._ask("GET", "/api/recommended_models"))["recommendations"]

    async def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[JsonAnswer, None]:
        body = {"model_id": model_id, "revision": revision}
        job = (await self._ask("POST", "/api/pull_model", json=body))["job"]
        while True:
            yield job
            if job["state"] in FINAL:
                return
            await asyncio.sleep(_POLL_SECONDS)
            jobs = (await self._ask("GET", "/api/pull_jobs"))["jobs"]
            found = next((each for each in jobs if each["id"] == job["id"]), None)
            if found is None:
                raise CommandFailed("The server no longer knows this download.", code=NOT_FOUND)
            job = found

    async def remove(self, model_id: str, *, force: bool) -> JsonAnswer:
        return await self._ask("DELETE", f"/api/local_models/{quote(model_id)}", params={"force": force})

    async def verify(self, model_id: str) -> JsonAnswer:
        return await self._ask("POST", f"/api/verify_model/{quote(model_id)}")

    async def import_folder(self, folder: Path, model_id: str | None, mode: str) -> JsonAnswer:
        body = {"path": str(folder), "model_id": model_id, "mode": mode}
        return (await self._ask("POST", "/api/import_model", json=body))["model"]

    async def assign(self, model_id: str, device: str, settings: Mapping[str, Any]) -> JsonAnswer:
        others = [each for each in await self._assigned(device) if each != model_id]
        return await self._select(device, [*others, {"id": model_id, **settings}])

    async def unassign(self, model_id: str, device: str) -> JsonAnswer:
        before = await self._assigned(device)
        if model_id not in before:
            raise CommandFailed(f"{model_id} is not assigned to {device}.", code=NOT_FOUND)
        return await self._select(device, [each for each in before if each != model_id])

    async def _assigned(self, device: str) -> list[str]:
        configuration = await self._ask("GET", "/api/config")
        settings = configuration.get(device)
        if not isinstance(settings, dict):
            known = ", ".join(name for name in configuration if not name.startswith(("$", "_"))) or "none"
            raise CommandFailed(f'There is no device "{device}"; configured devices: {known}.', "unknown_device")
        return [model["id"] for model in settings.get("models", ())]

    async def _select(self, device: str, models: list[Any]) -> JsonAnswer:
        return await self._ask("POST", "/api/update_config", json={"device": device, "models": models})

    async def status(self) -> JsonAnswer:
        return {"running": True, "url": self._url, **await self._ask("GET", "/api/status")}

    async def gateway(self, changes: Mapping[str, Any]) -> JsonAnswer:
        if not changes:
            return await self._ask("GET", "/api/gateway")
        return await self._ask("POST", "/api/gateway", json=dict(changes))

    async def doctor(self, language: str) -> JsonAnswer:
        return await self._ask("POST", "/api/doctor", params={"wait": True, "lang": language})

    async def _ask(self, method: str, path: str, **options: Any) -> JsonAnswer:
        try:
            response = await self._client.request(method, path, **options)
            answer = response.json()
        except httpx.TransportError as error:
            message = f"The admin server at {self._url} does not answer ({error or type(error).__name__})."
            raise CommandFailed(message, code=UNREACHABLE) from error
        except ValueError as error:
            raise CommandFailed(f"{self._url} answers, but not as an admin server does.", code=UNREACHABLE) from error
        if response.is_error:
            problem = answer.get("error", {}) if isinstance(answer, dict) else {}
            kind = str(problem.get("type", ""))
            code = CONFLICT if response.status_code == 409 else None
            raise CommandFailed(str(problem.get("message") or f"status {response.status_code}"), kind, code=code)
        return answer
