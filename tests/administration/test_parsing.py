"""How often `device_config.json` is parsed by a running admin server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import configuration.device_config as device_config
from tests.admin.site import Site, add_model, make_site


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were parsed."""
    texts: list[str] = []
    parse = device_config.parse_configuration

    def counted(text: str, path: Path) -> device_config.Configuration:
        texts.append(text)
        return parse(text, path)

    monkeypatch.setattr(device_config, "parse_configuration", counted)
    return texts


async def test_once_a_change_and_never_for_a_page(tmp_path: Path, model_folder: Path, parsed: list[str]) -> None:
    site: Site = make_site(tmp_path / "資料 夾", run_devices=False)
    add_model(site, "a/b", model_folder)
    transport = httpx.ASGITransport(app=site.app)
    async with (
        site.app.router.lifespan_context(site.app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        await client.get("/api/status")
        parsed.clear()
        for count in (2, 3):
            body = {"device": "gpu", "models": [{"id": "a/b", "max_concurrent": count}]}
            changed = await client.post("/api/update_config", json=body)
            assert changed.status_code == 200
            assert changed.json()["device"]["settings"]["models"][0]["max_concurrent"] == count
            assert len(parsed) == 1
            for _ in range(5):
                await client.get("/api/status")
                await client.get("/")
            assert len(parsed) == 1
            parsed.clear()
