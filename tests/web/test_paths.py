"""No field that becomes a path leads out of the data directory: an audit hook sees every file that is opened."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from tests.admin.site import make_site
from tests.apis.conftest import make_app
from tests.apis.servers import Script

NEEDLE = "needle-in-the-path"
EVENTS = {"open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"}
WAYS_OUT = [
    f"../{NEEDLE}",
    f"../../../../{NEEDLE}/x",
    f"..\\..\\{NEEDLE}",
    f"/{NEEDLE}",
    f"a/../../{NEEDLE}",
    f"a/..%2f..%2f{NEEDLE}",
    f"....//....//{NEEDLE}",
    f"C:\\{NEEDLE}",
    f"\\\\host\\{NEEDLE}",
    f"file:///{NEEDLE}",
    f"a/{NEEDLE}\0.json",
    f"~/{NEEDLE}",
]

_watching = threading.Event()
_touched: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching.is_set() and event in EVENTS:
        _touched.extend(os.fsdecode(each) for each in arguments if isinstance(each, (str, bytes)))


sys.addaudithook(_hook)


@contextmanager
def watched(allowed: Path) -> Iterator[None]:
    """What is touched inside under a name with the needle lies below `allowed`."""
    _touched.clear()
    _watching.set()
    try:
        yield
    finally:
        _watching.clear()
    outside = [path for path in _touched if NEEDLE in path and not Path(os.path.normpath(path)).is_relative_to(allowed)]
    assert not outside, outside


ADMIN_BODIES = [
    ("/api/pull_model", "model_id", {}),
    ("/api/pull_model", "revision", {"model_id": "org/name"}),
    ("/api/import_model", "model_id", {"path": "models"}),
    ("/api/devices/gpu/load", "model", {}),
    ("/api/update_config", "device", {"enabled": True}),
]
ADMIN_PATHS = [
    ("DELETE", "/api/local_models/{}"),
    ("POST", "/api/verify_model/{}"),
    ("POST", "/api/check_update/{}"),
    ("DELETE", "/api/pull_jobs/{}"),
    ("DELETE", "/api/keys/{}"),
    ("GET", "/api/logs/{}"),
    ("GET", "/logs/{}/download"),
    ("GET", "/logs?device={}"),
    ("GET", "/api/events?screen=logs&device={}"),
    ("GET", "/static/{}"),
    ("POST", "/api/playground/{}"),
    ("GET", "/api/chats/{}"),
]
DEVICE_BODIES = [
    ("POST", "/api/show", "model"),
    ("POST", "/api/pull", "model"),
    ("DELETE", "/api/delete", "model"),
    ("POST", "/api/generate", "model"),
    ("POST", "/v1/chat/completions", "model"),
    ("POST", "/v1/embeddings", "model"),
]
DEVICE_PATHS = [
    ("GET", "/v1/models/{}"),
    ("GET", "/model/stats?model={}"),
    ("POST", "/model/preload/{}/1"),
    ("HEAD", "/api/blobs/{}"),
    ("GET", "/v1/responses/{}"),
]


def call(client: TestClient, method: str, path: str, **options: Any) -> None:
    answer: httpx.Response = client.request(method, path, **options)  # pyright: ignore[reportAssignmentType]
    assert answer.status_code < 500 or answer.status_code in (502, 503), (method, path, answer.text)


@pytest.mark.parametrize("way", WAYS_OUT)
def test_the_admin_touches_nothing_outside(tmp_path: Path, way: str) -> None:
    site = make_site(tmp_path / "data")
    with TestClient(site.app, base_url="http://127.0.0.1", follow_redirects=False) as client, watched(site.data_dir):
        for path, field, rest in ADMIN_BODIES:
            call(client, "POST", path, json={**rest, field: way})
        for method, template in ADMIN_PATHS:
            for shown in (quote(way, safe=""), quote(way, safe="/\\:")):
                call(client, method, template.format(shown))
    assert not list(tmp_path.rglob(f"*{NEEDLE}*"))


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_device_touches_nothing_outside(tmp_path: Path, way: str) -> None:
    app = make_app(tmp_path / "data", Script().instance_maker())
    with TestClient(app, base_url="http://127.0.0.1") as client, watched(tmp_path / "data"):
        for method, path, field in DEVICE_BODIES:
            call(client, method, path, content=json.dumps({field: way, "stream": False}))
        for body in ({"source": "test/chat", "destination": way}, {"source": way, "destination": "a"}):
            call(client, "POST", "/api/copy", content=json.dumps(body))
        for method, template in DEVICE_PATHS:
            call(client, method, template.format(quote(way, safe="")))
    assert not list(tmp_path.rglob(f"*{NEEDLE}*"))
