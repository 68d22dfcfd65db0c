"""Pulling through the admin server, the one place where downloads run: one list of them, one look at the disk's room,
one hub and token, and progress on the page whoever asked."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx

from web.errors import ServiceError
from web.tls import TlsFiles, verification

_POLL_SECONDS = 0.3


class PullFailed(ServiceError):
    code = "pull_failed"


class AdminUnreachable(PullFailed):
    status = 503
    code = "admin_unreachable"


class AdminClient:
    """Talks to the admin server of this machine; `base_url` is where it listens, `internal_key` what it asks for."""

    def __init__(self, base_url: str, *, internal_key: str | None = None, tls: TlsFiles | None = None) -> None:
        self._base_url = base_url
        self._tls = tls
        self._headers = {"Authorization": f"Bearer {internal_key}"} if internal_key else {}

    async def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[dict[str, Any], None]:
        """The states of a pull job, until it is ready. Raises `PullFailed`."""
        async with httpx.AsyncClient(
            base_url=self._base_url,
            trust_env=False,
            timeout=30,
            headers=self._headers,
            verify=verification(self._tls),
        ) as client:
            job = (await _asked(client, "POST", "/api/pull_model", {"model_id": model_id, "revision": revision}))["job"]
            while True:
                yield job
                if job["state"] == "ready":
                    return
                if job["state"] in ("failed", "cancelled", "paused"):
                    raise PullFailed((job.get("error") or {}).get("message") or f"The pull was {job['state']}.")
                await asyncio.sleep(_POLL_SECONDS)
                jobs = (await _asked(client, "GET", "/api/pull_jobs"))["jobs"]
                job = next((each for each in jobs if each["id"] == job["id"]), None)
                if job is None:
                    raise PullFailed("The admin server no longer knows this download.")


async def _asked(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    try:
        response = await client.request(method, path, json=body)
        answer = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise AdminUnreachable(
            f"Models are pulled by the admin server, which does not answer at {client.base_url}: start main.py."
        ) from error
    if response.is_error:
        failure = PullFailed(answer["error"]["message"])
        failure.status = response.status_code
        raise failure
    return answer
