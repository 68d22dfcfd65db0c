"""Sending a model to the admin server over HTTP: pieces, refusals in the API's own shape, cancelling."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.admin.site import Site


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


async def test_a_model_is_sent_and_listed(client: httpx.AsyncClient, published: Path) -> None:
    files = contents(published)
    announced = [{"path": name, "size": len(data)} for name, data in files.items()]
    begun = await client.post("/api/uploads", json={"name": "mine_sent", "files": announced})
    assert begun.status_code == 201, begun.text
    assert begun.json()["model_id"] == "mine/sent"
    address = f"/api/uploads/{begun.json()['upload']}"
    for name, data in files.items():
        for offset in range(0, len(data), 500_000):
            piece = data[offset : offset + 500_000]
            sent = await client.put(address, params={"path": name, "offset": offset}, content=piece)
            assert (sent.status_code, sent.json()) == (200, {"received": offset + len(piece)})
    finished = await client.post(address)
    assert finished.status_code == 200, finished.text
    assert finished.json()["model"]["id"] == "mine/sent"
    models = (await client.get("/api/local_models")).json()["models"]
    assert "mine/sent" in [model["id"] for model in models]


async def test_a_piece_of_nothing_but_commas_is_taken(client: httpx.AsyncClient) -> None:
    files = [{"path": "a.xml", "size": 500_000}]
    upload = (await client.post("/api/uploads", json={"name": "x_y", "files": files})).json()["upload"]
    sent = await client.put(f"/api/uploads/{upload}", params={"path": "a.xml"}, content=b"," * 500_000)
    assert sent.json() == {"received": 500_000}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x_y", "files": []}, 422),
        ({"name": "x_y", "files": [{"path": "a.xml", "size": -1}]}, 422),
        ({"name": "x_y", "files": [{"path": "a.xml", "size": 1}, {"path": "a.xml", "size": 2}]}, 422),
        ({"name": "x_y", "files": [{"path": "a.txt", "size": 1}]}, 422),
        ({"name": "x_y", "files": [{"path": "../a.xml", "size": 1}]}, 422),
        ({"name": "x y z", "files": [{"path": "a.xml", "size": 1}]}, 400),
        ({"name": "x_y", "files": [{"path": "a.xml", "size": 10**18}]}, 507),
    ],
)
async def test_a_refusal_has_a_sentence(client: httpx.AsyncClient, body: dict[str, object], status: int) -> None:
    answer = await client.post("/api/uploads", json=body)
    assert (answer.status_code, bool(answer.json()["error"]["message"])) == (status, True)


async def test_a_piece_too_large_or_of_no_upload_is_refused(client: httpx.AsyncClient) -> None:
    files = [{"path": "a.xml", "size": 3}]
    upload = (await client.post("/api/uploads", json={"name": "x_y", "files": files})).json()["upload"]
    address = f"/api/uploads/{upload}"
    for path, content, status in (("a.xml", b"1234", 409), ("b.xml", b"1", 409), ("a.xml", b"x" * 1_000_001, 413)):
        assert (await client.put(address, params={"path": path}, content=content)).status_code == status
    assert (await client.post(address)).status_code == 409
    assert (await client.delete(address)).json() == {"cancelled": upload}
    for method in ("POST", "DELETE"):
        assert (await client.request(method, address)).status_code == 404


async def test_the_log_names_the_upload_but_not_each_piece(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    files = [{"path": "a.xml", "size": 2}]
    with caplog.at_level(logging.INFO, logger="web.request_id"):
        upload = (await client.post("/api/uploads", json={"name": "x_y", "files": files})).json()["upload"]
        for offset in (0, 1, 7):
            await client.put(f"/api/uploads/{upload}", params={"path": "a.xml", "offset": offset}, content=b"x")
    said = [record.getMessage().rpartition("] ")[2].split(upload)[0] for record in caplog.records]
    assert [line.split()[0] for line in said] == ["POST", "PUT"]  # the last piece was refused


async def test_a_client_that_leaves_in_the_middle_of_a_piece_is_no_failure(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = [{"path": "a.xml", "size": 3}]
    upload = (await client.post("/api/uploads", json={"name": "x_y", "files": files})).json()["upload"]
    coming = [{"type": "http.request", "body": b"1", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "PUT", "path": f"/api/uploads/{upload}", "query_string": b"path=a.xml"}
    scope |= {"headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
    await site.app(scope | {"scheme": "http", "http_version": "1.1"}, receive, send)
    assert sent[0]["status"] == 499
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    again = await client.put(f"/api/uploads/{upload}", params={"path": "a.xml"}, content=b"123")
    assert again.json() == {"received": 3}
