from pathlib import Path

import httpx
import pytest

from administration.errors import AdministrationError
from administration.places import check_places
from configuration.device_config import ModelAssignment
from tests.admin.site import Site, add_model

BEFORE = ModelAssignment(id="a/b", path="/srv/models/b", extra_config={"CACHE_DIR": "/srv/cache"})


@pytest.mark.parametrize(
    "settings",
    [
        {"path": "../x"},
        {"path": "/etc"},
        {"path": "models/../../x"},
        {"path": "models/\0"},
        {"extra_config": {"CACHE_DIR": "/tmp/x"}},
        {"extra_config": {"CACHE_DIR": "x"}},
        {"extra_config": {"NPUW_DUMP_FULL": "x"}},
        {"extra_config": {"ANYTHING": "a/../../b"}},
        {"extra_config": {"ANYTHING": "C:\\x"}},
        {"extra_config": {"DEVICE_PROPERTIES": {"CPU": {"BLOB_PATH": ["/x"]}}}},
    ],
)
def test_a_place_outside_is_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(AdministrationError):
        check_places(settings, BEFORE, tmp_path)


def test_what_is_inside_or_was_there_before_is_taken(tmp_path: Path) -> None:
    for settings in (
        {"path": "models/b"},
        {"path": str(tmp_path / "models" / "b")},
        {"path": "/srv/models/b", "extra_config": {"CACHE_DIR": "/srv/cache"}},
        {"extra_config": {"CACHE_DIR": str(tmp_path / "cache_gpu"), "NPUW_DEVICES": "CPU", "MIN_RESPONSE_LEN": 64}},
        {"max_concurrent": 2},
    ):
        check_places(settings, BEFORE, tmp_path)


async def test_a_request_learns_why(site: Site, client: httpx.AsyncClient, published: Path) -> None:
    add_model(site, "a/b", published)
    before = site.store.path.read_bytes()
    body = {"device": "gpu", "models": [{"id": "a/b", "path": "../../etc"}]}
    answer = await client.post("/api/update_config", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "outside_data_dir")
    assert site.store.path.read_bytes() == before
