"""The API takes no setting that cannot be, and names the field."""

from __future__ import annotations

from pathlib import Path

import httpx

from configuration.device_config import DeviceSettings
from tests.admin.conftest import PHI
from tests.admin.site import Site, add_model


async def test_the_api_names_the_field(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, PHI, published)
    for field, value in (("preload_count", 500), ("max_total_memory_gb", 0.0001), ("parameters", {"temperature": 9})):
        body = {"device": "gpu", "models": [{"id": PHI, field: value}]}
        refused = await client.post("/api/update_config", json=body)
        error = refused.json()["error"]
        assert (refused.status_code, error["type"] in ("setting_range", "setting_gigabytes")) == (422, True)
        assert error["param"].startswith(f"models.{PHI}.{field}")
    alias = {"name": "chat", "model": PHI, "parameters": {"temperature": 9}}
    refused = await client.post("/api/gateway/aliases", json=alias)
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "parameters.temperature")


async def test_a_value_that_stands_in_the_file_stays(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    """Whoever wrote it by hand is not kept from changing something else."""
    add_model(site, PHI, published)
    await client.post("/api/update_config", json={"device": "gpu", "enabled": False, "models": [PHI]})

    def by_hand(settings: DeviceSettings) -> DeviceSettings:
        (model,) = settings.models
        return settings.model_copy(update={"models": [model.model_copy(update={"max_concurrent": 5000})]})

    site.store.change_device("gpu", by_hand)
    change = {"id": PHI, "max_concurrent": 5000, "idle_timeout": 60}
    answer = await client.post("/api/update_config", json={"device": "gpu", "models": [change]})
    assert answer.status_code == 200
