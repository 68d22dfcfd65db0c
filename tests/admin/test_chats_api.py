"""The API for chats: what it keeps, what it refuses, in whose language, and that the file is nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from configuration.server_config import ServerConfig
from tests.admin.site import Site, make_site
from tests.saved_chats.test_file_text import make_pdf

CHAT = "/api/chats/" + "a" * 32
QUESTION: dict[str, Any] = {
    "id": "b" * 32,
    "role": "user",
    "content": "你好",
    "created": 1.5,
    "details": {"files": [{"name": "x"}]},
}


async def test_a_chat_is_kept_listed_changed_and_deleted(client: httpx.AsyncClient, site: Site) -> None:
    begun = await client.put(CHAT, json={"title": "Hello", "lanes": [{"model": "gpu-x"}], "options": {"seed": 1}})
    assert begun.status_code == 200, begun.text
    assert (await client.patch(CHAT, json={"messages": [QUESTION]})).status_code == 200
    assert (await client.patch(CHAT, json={"title": "Renamed"})).json()["title"] == "Renamed"
    chat = (await client.get(CHAT)).json()
    assert (chat["title"], chat["lanes"], chat["options"]) == (
        "Renamed", [{"model": "gpu-x", "head": None}], {"seed": 1}
    )  # fmt: skip
    (message,) = chat["messages"]
    assert {name: message[name] for name in QUESTION} == QUESTION
    listed = (await client.get("/api/chats", params={"search": "好 renamed"})).json()
    assert (len(listed["chats"]), listed["more"], listed["keep"], listed["can_keep"]) == (1, False, True, True)
    exported = await client.get("/api/export_chats")
    assert exported.headers["content-disposition"] == 'attachment; filename="chats.json"'
    assert exported.json()["chats"] == [chat]
    assert (site.data_dir / "chats.db").exists()
    assert (await client.delete(CHAT)).json() == {"deleted": 1}
    assert (await client.get(CHAT)).status_code == (await client.patch(CHAT, json={"title": "x"})).status_code == 404
    assert (await client.delete("/api/chats")).json() == {"deleted": 0}


async def test_a_message_with_pictures_may_be_long(client: httpx.AsyncClient) -> None:
    await client.put(CHAT, json={"title": "Pictures"})
    picture = {"url": "data:image/png;base64," + "A" * 5_000_000}
    answer = await client.patch(CHAT, json={"messages": [QUESTION | {"details": {"files": [picture]}}]})
    assert answer.status_code == 200, answer.text
    assert (await client.get(CHAT)).json()["messages"][0]["details"]["files"] == [picture]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"title": ""}),
        (CHAT, {"title": "x", "unknown": 1}),
        (CHAT, {"lanes": []}),
        (CHAT, {"lanes": [{"model": "a"}, {"model": "b"}, {"model": "c"}]}),
        (CHAT, {"options": [1]}),
        (CHAT, {"messages": [QUESTION | {"role": "system"}]}),
        (CHAT, {"messages": [QUESTION | {"parent": "../x"}]}),
        (CHAT, {"messages": [QUESTION | {"parent": "c" * 32}]}),
        (CHAT, {"messages": [QUESTION | {"details": 1}]}),
        ("/api/chats/A1", {}),
        ("/api/chat_presets/" + "a" * 32, {"name": "", "options": {}}),
    ],
)
async def test_what_the_page_does_not_send_is_refused(client: httpx.AsyncClient, path: str, body: Any) -> None:
    await client.put(CHAT, json={"title": "There"})
    answer = await client.put(path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["message"]


async def test_bodies_that_are_no_json(client: httpx.AsyncClient) -> None:
    for body in (b"", b"{", b'{"title": "\xff"}', b"[" * 100_000, b'{"options": ' + b"[" * 3000):
        assert (await client.put(CHAT, content=body)).status_code == 422


async def test_the_switch_of_the_page(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/keep_chats", json={"keep": False})).json() == {"keep": False}
    refused = await client.put(CHAT, json={"title": "x"}, headers={"Cookie": "language=zh-TW"})
    assert (refused.status_code, refused.json()["error"]) == (
        409, {"message": "已關閉儲存對話。", "type": "chats_not_kept"}
    )  # fmt: skip
    assert (await client.get("/api/chats")).json()["keep"] is False
    await client.post("/api/keep_chats", json={"keep": True})
    assert (await client.put(CHAT, json={"title": "x"})).status_code == 200


async def test_the_switch_of_the_configuration(tmp_path: Path) -> None:
    site = make_site(tmp_path, server_config=ServerConfig(chat_history_mb=0))
    transport = httpx.ASGITransport(app=site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/chats")).json() == {
            "chats": [], "more": False, "keep": False, "can_keep": False
        }  # fmt: skip
        assert (await client.post("/api/keep_chats", json={"keep": True})).status_code == 409
        assert (await client.put(CHAT, json={"title": "x"})).status_code == 409
    assert not (tmp_path / "chats.db").exists()


async def test_the_bound_of_the_configuration(tmp_path: Path) -> None:
    site = make_site(tmp_path, server_config=ServerConfig(chat_history_mb=1))
    transport = httpx.ASGITransport(app=site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.put(CHAT, json={"title": "x"})
        answer = await client.patch(CHAT, json={"messages": [QUESTION | {"content": "x" * 2_000_000}]})
        assert answer.status_code == 507
        assert "1 MB" in answer.json()["error"]["message"]
        assert (await client.patch(CHAT, json={"messages": [QUESTION]})).status_code == 200


async def test_presets(client: httpx.AsyncClient) -> None:
    path = "/api/chat_presets/" + "d" * 32
    await client.put(path, json={"name": "Brief", "options": {"system": "Be brief."}})
    assert (await client.get("/api/chat_presets")).json() == {
        "presets": [{"id": "d" * 32, "name": "Brief", "options": {"system": "Be brief."}}]
    }
    assert (await client.delete(path)).status_code == 200
    assert (await client.delete(path)).status_code == 404


async def test_the_text_of_files(client: httpx.AsyncClient) -> None:
    read = (await client.post("/api/file_text", content=make_pdf("Invoice 42"))).json()
    assert read == {"text": "Invoice 42", "pages": 1, "cut": False}
    refused = await client.post("/api/file_text", content=b"\0\1", headers={"Accept-Language": "zh-TW"})
    assert refused.status_code == 422
    assert "沒有可讀的文字" in refused.json()["error"]["message"]


async def test_a_foreign_page_cannot_read_or_delete_chats(client: httpx.AsyncClient) -> None:
    await client.put(CHAT, json={"title": "mine"})
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for method, path in (("DELETE", "/api/chats"), ("DELETE", CHAT), ("PUT", CHAT)):
        answer = await client.request(method, path, headers=foreign, content=json.dumps({"title": "theirs"}))
        assert answer.status_code == 403
    assert (await client.get(CHAT)).json()["title"] == "mine"
