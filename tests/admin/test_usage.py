"""From the device servers' reports to the charts and the totals."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from admin.live.usage_recorder import UsageRecorder
from reports.requests import ActivityReport, Request
from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, Site, add_model
from tests.admin.stage_usage import stage_usage
from tests.helpers import wait_until
from usage.samples import Sample
from usage.spans import SPANS
from usage.store import USAGE_FILE, UsageStore

NAMES = ("tokens_per_second", "requests_per_minute", "first_token_seconds", "memory_bytes", "queued")


async def test_tokens_are_counted_once_however_often_they_are_read(
    site: Site, client: httpx.AsyncClient, published: Path
) -> None:
    """A running request is read again and again, then ends; a request for a model that is not there counts too."""
    add_model(site, PHI, published)
    await client.post("/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    store = UsageStore(site.data_dir / "other.sqlite")
    recorder = UsageRecorder(site.suite, site.store, store)
    book = site.suite.activity("gpu")
    entry = {"id": "", "time": 1.79e9, "client": "", "agent": "", "path": "/v1/x", "status": 200, "error": None}
    entry |= {"seconds": 1.0, "prompt_tokens": 7, "audio_seconds": 0.0, "steps": 0, "waited_seconds": None}
    entry |= {"load_seconds": 0.0, "tokens_per_second": None, "prompt": None, "answer": None}

    def report(tokens: int, **values: object) -> None:
        known = {
            "number": 1,
            "model": f"gpu-{PHI}",
            "first_token_seconds": 0.25,
            "generated_tokens": tokens,
            "key": "k1",
        }
        request = Request(**{**entry, **known, "ended": None, "outcome": "running", **values})  # type: ignore[arg-type]
        ended = [request] if request.ended else []
        book.take(ActivityReport(request.ended or 0, [] if ended else [request], ended))
        recorder.read()

    for tokens in (0, 10, 10, 35):
        report(tokens)
    report(50, ended=2, outcome="completed")
    report(0, number=3, ended=4, outcome="failed", model="gpu-org/none", first_token_seconds=None)
    recorder.read()
    await recorder.save()
    total = Sample()
    for (_, (device, model)), sample in store.samples(SPANS["5m"], time.time()).items():
        if (device, model) == ("gpu", PHI):
            total.add(sample)
    assert (total.requests, total.generated_tokens, total.prompt_tokens, total.failed) == (1, 50, 7, 0)
    assert (total.first_tokens, total.first_token_seconds) == (1, 0.25)


async def test_the_api_has_charts_and_totals(site: Site, client: httpx.AsyncClient) -> None:
    stage_usage(site.data_dir)
    for span in SPANS:
        for by in ("device", "model"):
            found = (await client.get(f"/api/usage/charts?span={span}&by={by}")).json()
            assert tuple(chart["name"] for chart in found["charts"]) == NAMES
            assert all(
                len(curve["values"]) == len(found["times"]) for chart in found["charts"] for curve in chart["curves"]
            )
    days = {count: (await client.get(f"/api/usage/totals?days={count}")).json()["totals"] for count in (1, 30)}
    assert sum(row["requests"] for row in days[30]) > sum(row["requests"] for row in days[1]) > 0
    made = (await client.post("/api/keys", json={"name": "編輯器", "scopes": ["admin"]})).json()
    client.headers["authorization"] = f"Bearer {made['secret']}"
    assert (await client.get("/api/usage/charts?span=2h")).status_code == 422


@pytest.mark.parametrize(
    ("language", "table", "tokens"),
    [("en", "Show as table", "Tokens per second"), ("zh-TW", "以表格顯示", "每秒 token")],
)
def test_charts_are_seen_read_and_chosen_by_keyboard(
    live: LiveSite, open_page: OpenPage, language: str, table: str, tokens: str
) -> None:
    stage_usage(live.site.data_dir)
    page, _ = open_page(live.url + "/activity/charts", language=language)
    chart = page.get_by_role("region", name=tokens).first
    expect(page.locator(".plot canvas")).to_have_count(5)
    expect(chart.locator(".curves li")).to_have_count(2)
    summary = chart.get_by_text(table, exact=False)
    summary.focus()
    page.keyboard.press("Enter")
    expect(chart.locator("tbody tr").first).to_be_visible()
    assert chart.locator("tbody tr").count() > 100
    page.locator("#chart-by").select_option("model")
    expect(chart.locator("thead th")).to_have_count(4)
    page.locator("[name=span]:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(live.url + "/activity/charts?span=24h&by=model&device=")
    page.reload()
    expect(page.locator("[name=span][value='24h']")).to_be_checked()
    expect(page.locator("#chart-by")).to_have_value("model")
    expect(page.locator("#totals-rows tr")).to_have_count(4)


def test_a_request_is_in_the_charts_at_once_and_after_a_restart(
    live: LiveSite, published: Path, open_page: OpenPage
) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    port = live.site.suite.status("gpu").port
    body = {"model": f"gpu-{PHI}", "messages": [{"role": "user", "content": "hello"}]}
    httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, timeout=30)

    def asked() -> int:
        rows = httpx.get(f"{live.url}/api/usage/totals", timeout=30).json()["totals"]
        return sum(row["requests"] for row in rows if row["model"] == PHI)

    wait_until(lambda: asked() == 1)
    page, _ = open_page(live.url + "/activity/charts")
    expect(page.locator("#totals-rows")).to_contain_text("Phi-3-medium-4k-instruct-int4-ov")
    kept = UsageStore(live.site.data_dir / USAGE_FILE).samples(SPANS["30d"], time.time())
    assert sum(sample.requests for (_, (_, model)), sample in kept.items() if model == PHI) == 1
