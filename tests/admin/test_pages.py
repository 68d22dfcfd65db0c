"""The pages as HTML: addresses, languages, themes, headers, and the stream behind them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.admin.conftest import PHI
from tests.admin.site import LiveSite, Site, add_model

SCREENS = (
    "/",
    "/models",
    "/get",
    "/playground",
    "/activity",
    "/activity/charts",
    "/logs",
    "/connect",
    "/gateway",
    "/doctor",
    "/settings",
)


@pytest.mark.parametrize("path", SCREENS)
@pytest.mark.parametrize(("language", "name"), [("zh-TW", "多模型管理伺服器"), ("en", "Multi-Model Server")])
async def test_screens(client: httpx.AsyncClient, path: str, language: str, name: str) -> None:
    answer = await client.get(path, headers={"Cookie": f"language={language}; theme=dark"})
    assert answer.status_code == 200
    assert f'<html lang="{language}" data-theme="dark">' in answer.text
    assert name in answer.text


@pytest.mark.parametrize("path", SCREENS)
async def test_a_form_sent_before_its_script_has_come_puts_nothing_into_the_address(
    client: httpx.AsyncClient, path: str
) -> None:
    forms = re.findall(r"<form [^>]*>", (await client.get(path)).text)
    assert forms
    # Outside of a dialog element the method "dialog" does nothing at all. Connect's choice of a model is an address.
    methods = ('method="dialog"', 'method="post"', 'action="/connect"')
    assert [form for form in forms if not any(method in form for method in methods)] == []


async def test_the_first_language_is_traditional_chinese(client: httpx.AsyncClient) -> None:
    assert '<html lang="zh-TW" data-theme="auto">' in (await client.get("/")).text
    french = await client.get("/", headers={"Accept-Language": "fr"})
    assert '<html lang="zh-TW"' in french.text
    english = await client.get("/", headers={"Accept-Language": "fr, en-GB;q=0.8, *;q=0.1"})
    assert '<html lang="en"' in english.text


async def test_preferences(client: httpx.AsyncClient) -> None:
    form = {"language": "en", "theme": "dark", "back": "/models"}
    answer = await client.post("/preferences", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/models")
    assert '<html lang="en" data-theme="dark">' in (await client.get("/")).text
    elsewhere = await client.post("/preferences", data=form | {"back": "//example.com", "language": "xx"})
    assert elsewhere.headers["location"] == "/"
    assert '<html lang="en"' in (await client.get("/")).text


async def test_headers(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    script = page.text.split('<script src="')[1].split('"')[0]
    asset = await client.get(script)
    assert asset.status_code == 200
    assert "immutable" in asset.headers["cache-control"]


async def test_an_unknown_address_is_a_page_with_a_way_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nothing")
    assert answer.status_code == 404
    assert "這裡沒有 /nothing。" in answer.text
    assert 'href="/"' in answer.text


async def test_names_are_escaped(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    directory = add_model(site, "org/name", published)
    metadata = {"model_id": "org/<script>alert(1)</script>"}
    (directory / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    for path in ("/", "/models"):
        assert "<script>alert" not in (await client.get(path)).text


def test_the_stream_sends_everything_once_and_then_changes(live: LiveSite, published: Path) -> None:
    """A model that appears on the disk reaches the open page as one fragment."""
    with (
        httpx.Client(base_url=live.url, timeout=30) as client,
        client.stream("GET", "/api/events?screen=models") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = _events(answer)
        first = {}
        for name, data in events:
            if name == "tick":
                break
            first[name] = data
        fragments = {"jobs", "models", "conversions", "recommended", "catalogue"}
        assert set(first) == {"layout", "nav", "downloads", "notice", *fragments}
        assert "還沒有模型" in first["models"]
        add_model(live.site, PHI, published)
        data = next(data for name, data in events if name == "models")
        assert "Phi-3-medium" in data


def test_the_log_screen_streams_lines(live: LiveSite, published: Path) -> None:
    add_model(live.site, PHI, published)
    with httpx.Client(base_url=live.url, timeout=30) as client:
        with client.stream("GET", "/api/events?screen=logs&device=gpu") as answer:
            events = _events(answer)
            assert json.loads(next(data for name, data in events if name == "log")) == {"fresh": True, "lines": []}
            httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
            news = json.loads(next(data for name, data in events if name == "log"))
            assert news["fresh"] is False
            assert "gpu started on port" in news["lines"][0]
        assert client.get("/api/events?device=tpu").status_code == 404


def _events(answer: httpx.Response):
    name, data = "", []
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name, data = line.removeprefix("event: "), []
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").strip())
        elif not line and name:
            yield name, "\n".join(data)
