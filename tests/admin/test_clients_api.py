"""Client configurations over the JSON API: written for a served model on this machine, and undone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from clients.agents import AGENTS
from tests.admin.conftest import PHI
from tests.admin.site import Site, add_model

LONG = {"max_position_embeddings": 131_072}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
async def served(client: httpx.AsyncClient, site: Site, published: Path, home: Path) -> str:
    add_model(site, PHI, published, config=LONG)
    await client.post("/api/update_config", json={"device": "gpu", "enabled": True, "models": [PHI]})
    return f"gpu-{PHI}"


async def test_written_and_undone(client: httpx.AsyncClient, served: str, home: Path) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    before = b'# mine\nmodel = "gpt-5"\n'
    path.write_bytes(before)
    planned = await client.post("/api/clients/codex", json={"model": served, "dry_run": True})
    assert path.read_bytes() == before
    answer = await client.post("/api/clients/codex", json={"model": served})
    assert answer.status_code == 200
    assert answer.json()["files"] == planned.json()["files"]
    assert f'+model = "{served}"' in answer.json()["files"][0]["diff"]
    assert "# mine" in path.read_text(encoding="utf-8")
    listed = {each["client"]: each["written"] for each in (await client.get("/api/clients")).json()["clients"]}
    assert listed == {name: served if name == "codex" else None for name in AGENTS}
    assert 'hx-delete="/api/clients/codex"' in (await client.get("/connect")).text
    assert (await client.delete("/api/clients/codex")).status_code == 200
    assert path.read_bytes() == before
    assert (await client.delete("/api/clients/codex")).status_code == 404


@pytest.mark.parametrize(
    ("name", "model", "status", "kind"),
    [
        ("nobody", None, 404, "unknown_client"),
        ("codex", "gpu-no/such", 404, "not_served"),
        ("copilot", None, 409, "client_takes_no_file"),
    ],
)
async def test_what_cannot_be_written(
    client: httpx.AsyncClient, served: str, name: str, model: str | None, status: int, kind: str
) -> None:
    answer = await client.post(f"/api/clients/{name}", json={"model": model or served})
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


async def test_a_model_that_is_not_fit_needs_force(
    client: httpx.AsyncClient, site: Site, published: Path, home: Path
) -> None:
    add_model(site, PHI, published)
    await client.post("/api/update_config", json={"device": "gpu", "enabled": True, "models": [PHI]})
    body = {"model": f"gpu-{PHI}"}
    refused = await client.post("/api/clients/claude", json=body, headers={"Accept-Language": "zh-TW"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "client_unfit")
    assert "token" in refused.json()["error"]["message"]
    assert (await client.post("/api/clients/claude", json=body | {"force": True})).status_code == 200
    assert (home / ".claude" / "settings.json").exists()


async def test_a_file_that_cannot_be_changed_stays(client: httpx.AsyncClient, served: str, home: Path) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_bytes(b"[]")
    refused = await client.post("/api/clients/claude", json={"model": served})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "client_file")
    assert str(path) in refused.json()["error"]["message"]
    assert path.read_bytes() == b"[]"


async def test_only_this_machine_changes_its_files(site: Site, served: str, home: Path) -> None:
    transport = httpx.ASGITransport(app=site.app, client=("192.0.2.7", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as elsewhere:
        refused = await elsewhere.post("/api/clients/codex", json={"model": served})
        assert (refused.status_code, refused.json()["error"]["type"]) == (409, "not_this_machine")
        assert "/api/clients/codex" not in (await elsewhere.get("/connect")).text
    assert not any(home.iterdir())  # noqa: ASYNC240
