"""Measuring a model from the page: the real command on the demo model, and two reports beside each other."""

from __future__ import annotations

from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.sync_api import expect

from admin.live.bench_runs import BENCH_FOLDER, MOST_REPORTS, BenchRuns, BenchStatus, StoredReport
from admin.live.bench_view import bench_tables
from configuration.device_config import DEMO_MODEL_ID, DeviceSettings, ModelAssignment
from tests.admin.conftest import OpenPage
from tests.admin.site import PROJECT, LiveSite, Site, make_site
from tests.support.ports import free_port
from tuning.bench_report import BenchMachine, BenchReport, BenchRow

MACHINE = BenchMachine("CPU", None, "Linux", "3.12", "2026.4", "2026.4", False, "")


def report(speed: float, *, day: int = 1, model: str = "org/a", driver: str | None = None) -> BenchReport:
    rows = [BenchRow(128, 1, 100.0, speed, 10**9), BenchRow(512, 8, 300.0, speed * 4, 10**9)]
    machine = msgspec.structs.replace(MACHINE, driver=driver)
    return BenchReport(model, "INT4_SYM", "continuous_batching", f"2026-11-{day:02}T10:00:00+00:00", machine, 1.0, rows)


def write(folder: Path, number: int, device: str, measured: BenchReport) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{number}_{device}.json").write_bytes(msgspec.json.encode(measured))


def test_each_is_beside_the_one_before_it() -> None:
    reports = (
        StoredReport("gpu", report(50.0, day=3, driver="2")),
        StoredReport("npu", report(9.0, day=2)),
        StoredReport("gpu", report(40.0, driver="1")),
    )
    first, second, third = bench_tables(BenchStatus(None, 0.0, None, "", reports))
    assert first.before == reports[2].report
    assert [line.speed_change for line in first.lines] == [25.0, 25.0]
    assert [(line.bar, line.bar_before) for line in first.lines] == [(25.0, 20.0), (100.0, 80.0)]
    assert first.differences == ("driver: 1 | 2",)
    assert second.before is third.before is None
    assert third.lines[0].speed_change is None


def test_so_many_are_kept_and_broken_ones_left_out(site: Site) -> None:
    folder = site.data_dir / BENCH_FOLDER
    for number in range(MOST_REPORTS + 5):
        write(folder, 1_790_000_000 + number, "gpu", report(float(number + 1)))
    (folder / "1790009999_gpu.json").write_text("{", encoding="utf-8")
    (folder / "mine.json").write_text("{}", encoding="utf-8")

    async def unload(device: str, model: str) -> None: ...

    kept = BenchRuns(site.suite, site.data_dir, unload).status.reports
    assert len(kept) == MOST_REPORTS
    assert kept[0].report.rows[0].tokens_per_second == MOST_REPORTS + 5
    assert len(list(folder.glob("*.json"))) == MOST_REPORTS + 2


@pytest.mark.parametrize(("language", "start"), [("en", "Measure"), ("zh-TW", "開始測量")])
def test_a_model_is_measured_by_keyboard(tmp_path: Path, open_page: OpenPage, language: str, start: str) -> None:
    """In a real instance; a report of before lies there."""
    demo = ModelAssignment(id=DEMO_MODEL_ID, path=str(PROJECT / "models" / "demo_server-guide"))
    devices = {"cpu": DeviceSettings(port=free_port(), device="CPU", models=[demo])}
    site = make_site(tmp_path / "資料 夾", devices=devices, bundled_dir=PROJECT / "models" / "demo_server-guide")
    write(site.data_dir / BENCH_FOLDER, 1_790_000_000, "cpu", report(1.0, model=DEMO_MODEL_ID))
    with LiveSite(
        make_site(site.data_dir, devices=devices, bundled_dir=PROJECT / "models" / "demo_server-guide")
    ) as live:
        page, manners = open_page(live.url + "/activity/bench", language=language)
        manners.expect_errors("ERR_", "htmx:sseError")  # the server ends before its page
        expect(page.locator(".bench-table")).to_have_count(1)
        page.get_by_role("button", name=start).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".bench-running")).to_contain_text(DEMO_MODEL_ID)
        second = httpx.post(f"{live.url}/api/bench", json={"device": "cpu", "model": DEMO_MODEL_ID}, timeout=30)
        assert second.status_code == 409
        expect(page.locator(".bench-running")).to_have_count(0, timeout=240_000)
        answer = httpx.get(f"{live.url}/api/bench", timeout=30).json()
        assert answer["error"] is None
        assert len(answer["reports"]) == 2
        expect(page.locator(".bench-table")).to_have_count(2)
        expect(page.locator(".bench-table").first.locator(".change[data-better=yes]").first).to_be_visible()


def test_what_goes_wrong_is_said(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/activity/bench", language="zh-TW")
    body = {"device": "gpu", "model": "org/none"}
    assert httpx.post(f"{live.url}/api/bench", json=body, timeout=30).status_code == 202
    expect(page.locator("#bench .failure")).to_contain_text("org/none", timeout=30_000)
    assert httpx.post(f"{live.url}/api/bench", json=body | {"device": "xpu"}, timeout=30).status_code == 404
