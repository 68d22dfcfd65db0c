"""The proxy, and whether the hub answers through it."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from doctor.findings import Finding

HUB_SECONDS = 8.0
_OFFLINE = ("1", "on", "yes", "true")


def examine_proxy(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """What the system says, without a password in it; nothing where there is no proxy."""
    proxies = urllib.request.getproxies() if environment is None else environment
    named = {kind: _without_password(proxies[kind]) for kind in ("https", "http", "all") if proxies.get(kind)}
    if not named:
        return []
    listed = ", ".join(f"{kind}: {address}" for kind, address in named.items())
    return [Finding("proxy", "note", "network", {"proxies": listed})]


def _without_password(address: str) -> str:
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme or 'http'}://{parts.hostname or '?'}{port}"


async def examine_hub(
    endpoint: str, kind: str, *, client: httpx.AsyncClient | None = None, environment: Mapping[str, str] = os.environ
) -> Finding:
    """One small question to the hub of the settings."""
    values: dict[str, object] = {"endpoint": endpoint}
    if environment.get("HF_HUB_OFFLINE", "").lower() in _OFFLINE:
        return Finding("hub_offline", "note", "network", values, advice="advice")
    url = endpoint if kind == "modelscope" else f"{endpoint}/api/models?limit=1"
    try:
        async with client or httpx.AsyncClient(timeout=HUB_SECONDS, follow_redirects=True) as asking:
            response = await asking.get(url)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        values["reason"] = str(error) or type(error).__name__
        return Finding("hub_unreachable", "warning", "network", values, advice="advice")
    if response.is_error or (kind != "modelscope" and "json" not in response.headers.get("content-type", "")):
        values["status"] = response.status_code
        return Finding("hub_refuses", "warning", "network", values, advice="advice")
    return Finding("hub_ok", "ok", "network", values)
