from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from model_registry import HubSettings, ModelRegistry
from tests.hub import TestHub

ID = "OpenVINO/Tiny-int4-ov"
FAR_HUB = "http://hub.example.invalid"


@asynccontextmanager
async def proxy(hub: TestHub, seen: list[str]):
    """A forward proxy that reaches the far hub, a name nobody else can resolve, at the test hub."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, url, rest = head.split(" ", 2)
        seen.append(url)
        parts = urlsplit(url.replace(FAR_HUB, hub.url))
        far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        rest = re.sub(r"(?im)^connection: .*$", "Connection: close\r", rest)
        far_writer.write(f"{method} {target} {rest}".encode())
        await copy(far_reader, writer)
        far_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_proxy_of_the_environment_is_used(
    hub: TestHub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(ID, model)
    seen: list[str] = []
    async with proxy(hub, seen) as address:
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("NO_PROXY", "")
        registry = ModelRegistry(tmp_path / "m", hub=HubSettings(FAR_HUB), retry_wait=0.01)
        job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready", job.error
    assert any(url.startswith(f"{FAR_HUB}/api/models/") for url in seen)
    assert any(url.startswith(f"{hub.cdn_url}/cdn/") for url in seen)
