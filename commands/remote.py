"""The running admin server answers, over its JSON API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from administration.client import AdminClient
from administration.errors import AdministrationError
from administration.service import default_scopes
from commands.backend import JsonAnswer, SuiteAddress
from keys.key import KeyScope
from web.tls import trusting


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
        verify = trusting(Path(certificate)) if certificate else True
        self.address: SuiteAddress | None = SuiteAddress(url, key, verify)
        self._client = AdminClient(url, key=key, verify=verify, transport=transport)
        self._ask = self._client.ask

    async def close(self) -> None:
        await self._client.close()

    async def greet(self) -> None:
        """Raises `AdministrationError` where no admin server answers."""
        await self._ask("GET", "/api/hub")

    async def models(self) -> list[JsonAnswer]:
        return (await self._ask("GET", "/api/local_models"))["models"]

    async def search(self, query: str) -> list[JsonAnswer]:
        return (await self._ask("GET", "/api/search_models", params={"query": query}))["models"]

    async def recommended(self) -> list[JsonAnswer]:
        return (await self._ask("GET", "/api/recommended_models"))["recommendations"]

    def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[JsonAnswer, None]:
        return self._client.pull(model_id, revision)

    def convert(self, body: Mapping[str, Any]) -> AsyncGenerator[JsonAnswer, None]:
        return self._client.convert(body)

    async def converter(self, *, remove: bool) -> JsonAnswer:
        if remove:
            return await self._ask("DELETE", "/api/converter")
        return (await self._ask("GET", "/api/conversions"))["converter"]

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
            raise AdministrationError(404, "not_assigned", model=model_id, device=device)
        return await self._select(device, [each for each in before if each != model_id])

    async def _assigned(self, device: str) -> list[str]:
        configuration = await self._ask("GET", "/api/config")
        settings = configuration.get(device)
        if not isinstance(settings, dict):
            known = ", ".join(name for name in configuration if not name.startswith(("$", "_"))) or "–"
            raise AdministrationError(404, "unknown_device", device=device, known=known)
        return [model["id"] for model in settings.get("models", ())]

    async def _select(self, device: str, models: list[Any]) -> JsonAnswer:
        return await self._ask("POST", "/api/update_config", json={"device": device, "models": models})

    async def status(self) -> JsonAnswer:
        return {"running": True, "url": self._url, **await self._ask("GET", "/api/status")}

    async def gateway(self, changes: Mapping[str, Any]) -> JsonAnswer:
        if not changes:
            return await self._ask("GET", "/api/gateway")
        return await self._ask("POST", "/api/gateway", json=dict(changes))

    async def restart(self, name: str) -> None:
        if name == "gateway":
            await self._ask("POST", "/api/gateway", json={})
        else:
            await self._ask("POST", "/api/update_config", json={"device": name})

    async def shut_down(self) -> None:
        await self._ask("POST", "/api/shutdown")

    async def purposes(self, *, replace: bool, dry_run: bool) -> JsonAnswer:
        return await self._ask("POST", "/api/gateway/purposes", json={"replace": replace, "dry_run": dry_run})

    async def doctor(self, language: str) -> JsonAnswer:
        return await self._ask("POST", "/api/doctor", params={"wait": True, "lang": language})

    async def keys(self) -> list[JsonAnswer]:
        keys = (await self._ask("GET", "/api/keys"))["keys"]
        return [{name: value for name, value in key.items() if name != "own"} for key in keys]

    async def create_key(self, name: str, scopes: Sequence[KeyScope]) -> JsonAnswer:
        scopes = scopes or default_scopes(bool(await self.keys()))
        return await self._ask("POST", "/api/keys", json={"name": name, "scopes": list(scopes)})

    async def revoke_key(self, id_or_name: str) -> JsonAnswer:
        key = next((key for key in await self.keys() if id_or_name in (key["id"], key["name"])), None)
        if key is None:
            raise AdministrationError(404, "unknown_key")
        await self._ask("DELETE", f"/api/keys/{key['id']}")
        return key
