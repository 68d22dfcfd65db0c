"""Each model is offered for what it can do: conversations, vectors, scores."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest

from tests.admin.site import Site, add_model
from tests.model_files.gguf_layouts import inexact_gguf
from tests.model_files.layouts import make, optimum_embedding, reranker, t5, whisper

CHAT = "org/chat"
PAGES = ("/models", "/get")


async def offer(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, CHAT, published)
    for name, layout in (("embedding", optimum_embedding), ("rerank", reranker), ("speech", whisper), ("t5", t5)):
        make(layout, site.data_dir / "models" / f"org_{name}")
    models = [CHAT, "org/embedding", "org/rerank", "org/speech"]
    answer = await client.post("/api/update_config", json={"device": "gpu", "enabled": False, "models": models})
    assert answer.status_code == 200
    await client.post("/api/update_config", json={"device": "gpu", "enabled": True})


async def test_the_playground_offers_what_chats(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    await offer(client, site, published)
    page = (await client.get("/playground")).text
    assert 'value="gpu-org/chat"' in page
    assert "gpu-org/embedding" not in page
    assert "gpu-org/rerank" not in page
    assert '<option value="gpu-org/speech"' not in page


@pytest.mark.parametrize(
    ("model", "path", "other"),
    [
        (CHAT, "/v1/chat/completions", "/v1/embeddings"),
        ("org/embedding", "/v1/embeddings", "/v1/chat/completions"),
        ("org/rerank", "/v1/rerank", "/v1/chat/completions"),
        ("org/speech", "/v1/audio/transcriptions", "/v1/chat/completions"),
    ],
)
async def test_a_client_is_shown_the_endpoint_that_works(
    client: httpx.AsyncClient, site: Site, published: Path, model: str, path: str, other: str
) -> None:
    await offer(client, site, published)
    page = html.unescape((await client.get("/connect", params={"model": f"gpu-{model}"})).text)
    assert path in page
    assert other not in page


async def test_what_is_not_served_cannot_be_assigned_and_says_why(
    client: httpx.AsyncClient, site: Site, published: Path
) -> None:
    await offer(client, site, published)
    refused = await client.post("/api/update_config", json={"device": "gpu", "models": ["org/t5"]})
    assert refused.status_code == 409
    assert "Encoder-decoder models like T5 and BART are not served" in refused.json()["error"]["message"]
    rows = {row["id"]: row for row in (await client.get("/api/local_models")).json()["models"]}
    assert rows["org/t5"]["state"] == "unsupported"
    assert {fit["level"] for fit in rows["org/t5"]["fitness"]} == {"unsuitable"}
    assert rows["org/embedding"]["embedding"]["guessed"]
    page = html.unescape((await client.get("/models", headers={"Accept-Language": "en"})).text)
    assert "Encoder-decoder models like T5 and BART are not served" in page
    assert "mean is assumed by its architecture" in page


async def test_why_a_badge_is_struck_out_stands_beside_it(
    client: httpx.AsyncClient, site: Site, published: Path
) -> None:
    """Not in a tooltip alone, which no finger reaches: of what lies here and of what can be pulled."""
    make(inexact_gguf, site.data_dir / "models" / "org_inexact")
    shown = ((path, html.unescape((await client.get(path, headers={"Accept-Language": "en"})).text)) for path in PAGES)
    pages = {path: re.sub(r'title="[^"]*"|<span class="sr-only">.*?</span>', "", text) async for path, text in shown}
    assert "NPU: OpenVINO GenAI does not run GGUF models on the NPU." in pages["/models"]
    assert "OpenVINO GenAI reads Q4_1 inexactly" in pages["/models"]
    assert re.search(r">GPU</span><b[^>]*>!</b>", pages["/models"])
    assert "NPU: The NPU needs symmetric int4 weights" in pages["/get"]
    row = pages["/get"].partition("Kokoro-82M-int8-ov</b>")[2].partition("</li>")[0]
    assert "NPU: The library's speech synthesis does not run on an NPU." in row
