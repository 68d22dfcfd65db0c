"""What the page says holds: its lamps, its toasts, its snippets and its questions."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Route, expect

from configuration.gateway_config import GatewayAlias
from model_registry import HubSettings
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.proxy import CuttableRelay
from tests.admin.site import LiveSite, add_model, make_site
from tests.admin.stage import staged_site
from tests.helpers import wait_until
from tests.hub import TestHub
from tests.support.ports import free_port

BOTH = pytest.mark.parametrize("language", ["en", "zh-TW"])
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def hub(published: Path) -> Iterator[TestHub]:
    with TestHub() as hub:
        hub.add_model(QWEN, published)
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url))) as live:
        yield live


def assign(live: LiveSite, published: Path, device: str = "gpu") -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": device, "models": [PHI]}, timeout=30).raise_for_status()
    wait_until(lambda: live.site.suite.status(device).state == "running")


def test_lamps_know_nothing_of_a_server_that_is_not_heard(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    assign(live, published)
    with CuttableRelay(live.port) as relay:
        page, manners = open_page(relay.url)
        manners.expect_errors("ERR_", "htmx:sseError")
        lamp = page.locator("#unit-gpu .dot")
        expect(lamp).to_have_attribute("data-stage", "running")
        green = lamp.evaluate("lamp => getComputedStyle(lamp).backgroundColor")
        relay.closed = True
        relay.cut()
        expect(page.locator("#link")).to_have_attribute("data-link", "lost")
        expect(page.locator("#unit-gpu .sr-only")).to_be_hidden()
        expect(lamp).not_to_have_css("background-color", green)
        relay.closed = False
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        expect(lamp).to_have_css("background-color", green)


@BOTH
def test_a_page_that_is_not_there_has_all_around_it(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    page, manners = open_page(f"{live.url}/nowhere/at/all", language=language)
    manners.expect_errors("404")
    expect(page.locator(".empty-state")).to_contain_text("/nowhere/at/all")
    expect(page.locator("#unit-gpu .dot")).to_have_attribute("data-stage", "no_models")
    assign(live, published)
    expect(page.locator("#unit-gpu .dot")).to_have_attribute("data-stage", "running")


@BOTH
def test_a_pull_that_fails_at_once_is_not_called_started(live: LiveSite, open_page: OpenPage, language: str) -> None:
    page, _ = open_page(f"{live.url}/get", language=language)
    page.locator("#model-id").fill("org/none")
    page.locator("#model-id").press("Enter")
    expect(page.locator(".toast")).to_have_attribute("data-tone", "bad")
    expect(page.locator(".toast")).to_contain_text("org/none")
    expect(page.locator(".toast")).to_have_count(1)


def test_many_pulls_are_told_in_one_toast(live: LiveSite, hub: TestHub, published: Path, open_page: OpenPage) -> None:
    names = [f"org/model-{number}" for number in range(3)]
    for name in names:
        hub.add_model(name, published)
    page, _ = open_page(f"{live.url}/models")
    for name in names:
        httpx.post(f"{live.url}/api/pull_model", json={"model_id": name}).raise_for_status()
    ready = page.locator(".toast", has_text="Ready to use")
    expect(ready).to_have_count(1)
    for name in names:
        expect(ready).to_contain_text(name.rpartition("/")[2])


def test_a_paused_download_keeps_its_bar(live: LiveSite, hub: TestHub, open_page: OpenPage) -> None:
    reached, release = hub.faults.hold("openvino_model.bin", at=8 * 1024)
    page, _ = open_page(f"{live.url}/get")
    page.locator("#model-id").fill(QWEN)
    page.locator("#model-id").press("Enter")
    assert reached.wait(30)
    page.get_by_role("button", name="Pause download").click()
    expect(page.locator(".job .state")).to_have_text("Paused")
    bar = page.locator(".job").get_by_role("progressbar")
    expect(bar).to_be_visible()
    assert 0 < float(bar.get_attribute("value") or 0) < 100
    release.set()


def test_a_pull_leaves_one_row_and_a_deleted_model_none(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(f"{live.url}/get")
    for _ in range(2):
        httpx.post(f"{live.url}/api/pull_model", json={"model_id": QWEN}).raise_for_status()
        wait_until(lambda: [job.state for job in live.site.registry.jobs()] == ["ready"])
        expect(page.locator(".job .state")).to_have_text(["Done"])
    httpx.delete(f"{live.url}/api/local_models/{QWEN}").raise_for_status()
    expect(page.locator(".job")).to_have_count(0)


@BOTH
def test_deleting_a_model_in_use_says_so_in_the_question_and_then_does_it(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    assign(live, published)
    directory = live.site.registry.find(PHI).path
    page, _ = open_page(f"{live.url}/models", language=language)
    page.locator("[hx-delete*='/api/local_models/']").click()
    expect(page.locator("#confirm-text")).to_contain_text("GPU")
    page.locator("#confirm-yes").click()
    expect(page.locator(".toast")).to_have_attribute("data-tone", "good")
    wait_until(lambda: not directory.exists())
    assert live.site.store.load().devices["gpu"].models == []


def test_what_was_done_is_said_when_its_row_has_gone_before_the_answer(
    live: LiveSite, published: Path, open_page: OpenPage
) -> None:
    assign(live, published)
    page, _ = open_page(f"{live.url}/models")

    def delete(route: Route) -> None:
        answer = route.fetch()
        page.locator("[hx-delete*='/api/local_models/']").wait_for(state="detached")
        route.fulfill(response=answer)

    page.route("**/api/local_models/**", delete)
    page.locator("[hx-delete*='/api/local_models/']").click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".toast")).to_have_attribute("data-tone", "good")


def test_a_question_outlives_the_row_it_was_asked_about(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    assign(live, published)
    directory = live.site.registry.find(PHI).path
    page, _ = open_page(f"{live.url}/models")
    page.locator("[hx-delete*='/api/local_models/']").click()
    page.evaluate(
        """() => {
          const button = document.querySelector("[hx-delete*='/api/local_models/']"), twin = button.cloneNode(true);
          button.replaceWith(twin);
          htmx.process(twin);
        }"""
    )
    page.locator("#confirm-yes").click()
    expect(page.locator(".toast")).to_have_attribute("data-tone", "good")
    wait_until(lambda: not directory.exists())


@BOTH
def test_an_alias_stands_for_a_model_that_is_offered(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    page, manners = open_page(f"{live.url}/gateway", language=language)
    manners.expect_errors("422")
    page.locator("#alias-name").fill("chat")
    page.locator("#alias-model").fill("gpu-no/such-model")
    page.locator(".alias-form .button").click()
    problem = page.locator(".alias-form .form-error")
    expect(problem).to_contain_text("gpu-no/such-model")
    assert bool(CHINESE.search(problem.inner_text())) == (language == "zh-TW")
    assert live.site.suite.gateway_store.load().aliases == {}
    assign(live, published)
    page.locator("#alias-model").fill(f"gpu-{PHI}")
    page.locator(".alias-form .button").click()
    expect(page.locator("#aliases")).to_contain_text(PHI)
    assert list(live.site.suite.gateway_store.load().aliases) == ["chat"]


def test_the_gateways_snippets_follow_its_port(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    assign(live, published)
    page, _ = open_page(f"{live.url}/gateway")
    before, port = live.site.suite.gateway_store.current().port, free_port()
    expect(page.locator("#code-curl")).to_contain_text(f":{before}/")
    page.locator("#gateway-port").fill(str(port))
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#code-curl")).to_contain_text(f":{port}/")
    expect(page.locator("#gateway-ways")).not_to_contain_text(f":{before}")


def test_the_hub_is_tested_at_the_typed_address(live: LiveSite, hub: TestHub, open_page: OpenPage) -> None:
    page, manners = open_page(f"{live.url}/settings")
    manners.expect_errors("400")
    address, check = page.locator("#hub-endpoint"), page.get_by_role("button", name="Test connection")
    nowhere = f"http://127.0.0.1:{free_port()}"
    address.fill(nowhere)
    check.click()
    expect(page.locator(".toast[data-tone=bad]")).to_contain_text(nowhere)
    address.fill(hub.url)
    check.click()
    expect(page.locator(".toast[data-tone=good]")).to_contain_text(hub.url)
    assert live.site.registry.hub.endpoint == hub.url
    address.fill("not an address")
    check.click()
    expect(page.locator(".toast[data-tone=bad]").last).to_contain_text("https://")


@BOTH
def test_connect_asks_in_the_readers_language(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    assign(live, published)
    page, _ = open_page(f"{live.url}/connect", language=language)
    codes = "\n".join(page.locator(".recipe pre").all_inner_texts())
    assert ("什麼是 OpenVINO？" in codes) == (language == "zh-TW")
    assert bool(CHINESE.search(codes)) == (language == "zh-TW")


def test_a_request_tells_its_date_once_and_its_whole_row_opens_it(tmp_path: Path, open_page: OpenPage) -> None:
    with staged_site(tmp_path) as live:
        page, manners = open_page(f"{live.url}/activity")
        manners.expect_errors("ERR_", "htmx:sseError")  # the site ends before the page
        page.locator("#activity-rows tr").first.locator("td").nth(3).click()
        details = page.locator("#request-box")
        expect(details).to_be_visible()
        (when,) = re.findall(r"\d{4}-\d\d-\d\d[ \d:]*", details.inner_text())
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", when.strip())


def test_a_chat_waits_for_a_server_that_is_starting_again(live: LiveSite, published: Path) -> None:
    assign(live, published)
    url = f"{live.url}/api/playground/gpu"
    body = {"model": f"gpu-{PHI}", "messages": [{"role": "user", "content": "Hello"}]}
    assert httpx.post(url, json=body, timeout=60).status_code == 200
    pid = live.site.suite.status("gpu").pid
    assert pid is not None
    psutil.Process(pid).kill()
    answer = httpx.post(url, json=body, timeout=60)
    assert (answer.status_code, "You said: " in answer.text) == (200, True)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "enabled": False}, timeout=30)
    refused = httpx.post(url, json=body, timeout=60)
    assert (refused.status_code, refused.json()["error"]["type"]) == (503, "device_not_running")


def test_a_server_that_failed_over_a_broken_configuration_comes_back_with_its_repair(
    live: LiveSite, published: Path, open_page: OpenPage
) -> None:
    assign(live, published)
    page, _ = open_page(live.url)
    path = live.site.store.path
    good = path.read_text(encoding="utf-8")
    path.write_text("{", encoding="utf-8")
    expect(page.locator("#notice .notice")).to_be_visible()
    live.site.order("gpu", refuse_to_start="the configuration cannot be used")
    pid = live.site.suite.status("gpu").pid
    assert pid is not None
    psutil.Process(pid).kill()
    state = page.locator("#device-gpu .state")
    expect(state).to_have_attribute("data-stage", "failed")
    live.site.order("gpu")
    time.sleep(0.01)  # so that the file's time differs
    path.write_text(good, encoding="utf-8")
    expect(page.locator("#notice .notice")).to_have_count(0)
    expect(state).to_have_attribute("data-stage", "running")


def test_an_alias_of_a_quantisation_is_known(live: LiveSite, published: Path) -> None:
    assign(live, published)
    body = {"name": "chat", "model": f"gpu-{PHI}:latest", "fallback": [PHI]}
    assert httpx.post(f"{live.url}/api/gateway/aliases", json=body).status_code == 200
    assert live.site.suite.gateway_store.load().aliases["chat"] == GatewayAlias(
        model=f"gpu-{PHI}:latest", fallback=[PHI]
    )
