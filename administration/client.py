"""A running admin server, asked over its JSON API: by a command, or by a device server that is to pull a model."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx

from administration.errors import AdministrationError
from administration.pulls import JobState, follow

_CONNECT_SECONDS = 5.0


class AdminClient:
    """`key`: what the server asks for; `verify`: the certificate to trust. Every method raises `AdministrationError`:
    `admin_unreachable`, or what the server says."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            trust_env=False,
            verify=verify,
            transport=transport,
        )

    async def __aenter__(self) -> AdminClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, **options)
            answer = response.json()
        except httpx.TransportError as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        except ValueError as error:
            raise self._unreachable("something else does") from error
        if response.is_error:
            problem = answer.get("error", {}) if isinstance(answer, dict) else {}
            message = str(problem.get("message") or f"status {response.status_code}")
            raise AdministrationError(response.status_code, str(problem.get("type", "")), message=message)
        return answer

    async def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[JobState, None]:
        """Whoever stops following leaves the server pulling."""
        body = {"model_id": model_id, "revision": revision}
        job = (await self.ask("POST", "/api/pull_model", json=body))["job"]
        async with contextlib.aclosing(follow(job, self._pull_job)) as states:
            async for state in states:
                yield state

    async def convert(self, body: Mapping[str, Any]) -> AsyncGenerator[JobState, None]:
        """Whoever stops following leaves the server converting."""
        job = (await self.ask("POST", "/api/convert_model", json=dict(body)))["job"]
        async with contextlib.aclosing(follow(job, self._conversion)) as states:
            async for state in states:
                yield state

    async def _conversion(self, job_id: str) -> JobState:
        return (await self.ask("GET", f"/api/conversions/{job_id}"))["job"]

    async def _pull_job(self, job_id: str) -> JobState:
        jobs = (await self.ask("GET", "/api/pull_jobs"))["jobs"]
        found = next((job for job in jobs if job["id"] == job_id), None)
        if found is None:
            raise AdministrationError(404, "unknown_pull")
        return found

    def _unreachable(self, reason: str) -> AdministrationError:
        return AdministrationError(503, "admin_unreachable", url=self.url, reason=reason)
