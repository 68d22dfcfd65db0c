"""What the gateway's API refuses."""

from __future__ import annotations

import httpx

from keys.key_store import KEYS_FILE, KeyStore
from tests.admin.conftest import PHI
from tests.admin.site import Site
from tests.support.ports import free_port


async def test_what_cannot_be_is_refused(client: httpx.AsyncClient) -> None:
    for body in ({"port": 0}, {"port": "1"}, {"wait_seconds": -1}, {"unknown": 1}):
        assert (await client.post("/api/gateway", json=body)).status_code == 422
    alias = {"name": "chat", "model": PHI, "parameters": {"mood": 1}}
    refused = await client.post("/api/gateway/aliases", json=alias)
    assert (refused.status_code, refused.json()["error"]["type"]) == (422, "gateway_parameter")
    refused = await client.post("/api/gateway/aliases", json={"name": "a/../b", "model": PHI})
    assert refused.status_code == 422
    assert (await client.delete("/api/gateway/aliases/nobody")).status_code == 404


async def test_beyond_this_machine_it_takes_a_key(client: httpx.AsyncClient, site: Site) -> None:
    body = {"host": "0.0.0.0", "port": free_port()}
    refused = await client.post("/api/gateway", json=body)
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "gateway_needs_key")
    KeyStore(site.data_dir / KEYS_FILE).create("admin", ["admin"])
    # With a key everybody needs one, this client too.
    assert (await client.post("/api/gateway", json=body)).status_code == 401
