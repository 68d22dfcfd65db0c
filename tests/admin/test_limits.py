"""What the limits refuse says so itself, in the reader's language, as an error of the API or as a page."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from configuration.server_config import ServerConfig
from tests.admin.site import make_site
from web.limits import MAX_URL_BYTES, SHORT_BODY_BYTES

CHINESE = {"Cookie": "language=zh-TW"}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long(client: httpx.AsyncClient, announced: bool) -> None:
    async def pieces():
        yield long

    long = b'{"device": "' + b"x" * SHORT_BODY_BYTES + b'"}'
    for headers, sentence in (({}, "body is larger than 1 MB."), (CHINESE, "請求內容超過 1 MB。")):
        content = long if announced else pieces()
        answer = await client.post("/api/update_config", content=content, headers=headers)
        assert answer.status_code == 413
        error = answer.json()["error"]
        assert error["type"] == "request_too_large"
        assert sentence in error["message"]


async def test_an_address_that_is_too_long(client: httpx.AsyncClient) -> None:
    page = await client.get("/models?" + "x" * MAX_URL_BYTES, headers=CHINESE)
    assert page.status_code == 414
    assert "網址超過 8192 位元組。" in page.text
    assert page.headers["content-type"].startswith("text/html")
    assert "key" not in (await client.get("/api/status?" + "x" * MAX_URL_BYTES)).json()["error"]["message"]


async def test_too_many_requests(tmp_path: Path) -> None:
    app = make_site(tmp_path, server_config=ServerConfig(max_requests_per_minute=1)).app
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=CHINESE) as client,
    ):
        assert (await client.get("/api/config")).status_code == 200
        answer = await client.get("/api/config")
    assert answer.status_code == 429
    wait = answer.headers["retry-after"]
    message = f"一分鐘內超過 1 個請求。請過 {wait} 秒再試。"
    assert answer.json()["error"] == {"message": message, "type": "rate_limit_exceeded"}
