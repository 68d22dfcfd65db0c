"""The models' screen in a real Chromium: search, order, favourites, several at once, and all of one model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from model_registry import HubSettings
from tests.admin.browser import follow
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.site import LiveSite, add_model, make_site
from tests.helpers import wait_until
from tests.hub import TestHub

BOTH = pytest.mark.parametrize("language", ["en", "zh-TW"])
README = (
    "---\nlicense: mit\n---\n# A model\n\nIt *knows* things. <script>alert(1)</script><img src=x onerror=alert(2)>\n"
)


@pytest.fixture
def hub(published: Path) -> Iterator[TestHub]:
    with TestHub() as hub:
        hub.add_model(QWEN, published)
        hub.add_collection("LLMs optimized for NPU", [QWEN])
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url))) as live:
        yield live


def names(page: Page) -> list[str]:
    return page.locator("#local-rows tr:visible .model-name").all_inner_texts()


def serve(live: LiveSite, model: str) -> None:
    httpx.post(
        f"{live.url}/api/update_config", json={"device": "gpu", "models": [model]}, timeout=30
    ).raise_for_status()
    wait_until(lambda: live.site.suite.status("gpu").state == "running")


@BOTH
def test_what_is_typed_is_looked_for_in_all_lists_at_once(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    add_model(live.site, "mine/Zebra-1B-int4-ov", published)
    add_model(live.site, PHI, published)
    page, _ = open_page(f"{live.url}/models", language=language)
    assert len(names(page)) == 2
    page.locator("#finder").fill("zebra")
    expect(page.locator("#local-rows tr:visible")).to_have_count(1)
    expect(page.locator("#catalogue li:visible")).to_have_count(0)
    page.locator("#finder").fill("qwen3 8b")
    expect(page.locator("#local-rows tr:visible")).to_have_count(0)
    expect(page.locator("#catalogue li:visible").first).to_contain_text("Qwen3-8B")


@BOTH
@pytest.mark.parametrize(
    "pasted", [QWEN, f"https://huggingface.co/{QWEN}", f" https://huggingface.co/{QWEN}/tree/main?x=1#y "]
)
def test_a_pasted_address_is_judged_and_pulled(live: LiveSite, open_page: OpenPage, language: str, pasted: str) -> None:
    page, _ = open_page(f"{live.url}/models", language=language)
    page.locator("#finder").fill(pasted)
    typed = page.locator("#typed")
    expect(typed.locator(".entry-name")).to_have_text(QWEN.rpartition("/")[2])
    expect(typed.locator("[data-fit]")).to_have_count(2)
    typed.locator("form .button").click()
    expect(page.locator(".job .state")).to_have_attribute("data-stage", "ready")
    assert live.site.registry.find(QWEN).id == QWEN


def test_an_address_goes_into_the_field_for_ids_too(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(f"{live.url}/get")
    page.locator("#model-id").fill(f"https://huggingface.co/{QWEN}")
    page.locator("#model-id").press("Enter")
    expect(page.locator(".job .state")).to_have_text("Done")


@BOTH
def test_order_favourites_and_filters_outlive_a_reload(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    for name, size in (("b-small", 10_000), ("a-large", 3_000_000), ("c-middle", 2_000_000)):
        add_model(live.site, f"org/{name}", published, size=size)
    page, _ = open_page(f"{live.url}/models", language=language)
    assert names(page) == ["a-large", "b-small", "c-middle"]
    page.locator("#local-sort").select_option("size")
    assert names(page) == ["a-large", "c-middle", "b-small"]
    page.locator("tr[data-model='org/b-small'] [data-star]").click()
    page.reload()
    expect(page.locator("tr[data-model='org/b-small'] [data-star]")).to_have_attribute("aria-pressed", "true")
    assert names(page) == ["b-small", "a-large", "c-middle"]
    page.locator("#local-show").select_option("favourites")
    assert names(page) == ["b-small"]
    page.locator("#local-show").select_option("assigned")
    assert names(page) == []


def test_rows_do_not_move_under_the_pointer(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, "org/m-middle", published)
    page, _ = open_page(f"{live.url}/models")
    row = page.locator("tr[data-model='org/m-middle'] .model-name")
    row.hover()
    before = row.bounding_box()
    add_model(live.site, "org/a-first", published)
    add_model(live.site, PHI, published)
    second, _ = open_page(f"{live.url}/models")
    expect(second.locator("#local-rows tr")).to_have_count(3)
    page.wait_for_timeout(1500)
    assert row.bounding_box() == before
    page.mouse.move(2, 2)
    expect(page.locator("#local-rows tr")).to_have_count(3)


@BOTH
def test_all_of_a_model_in_a_panel_by_the_keyboard_alone(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    directory = add_model(live.site, PHI, published)
    (directory / "README.md").write_text(README, encoding="utf-8")
    (directory / "LICENSE").write_text("MIT", encoding="utf-8")
    serve(live, PHI)
    page, _ = open_page(f"{live.url}/models", language=language)
    page.locator("[data-detail]").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#model-detail")
    expect(panel.locator(".readme em")).to_have_text("knows")
    assert "license: mit" not in panel.locator(".readme").inner_text()
    expect(panel.locator(".readme :is(script, img)")).to_have_count(0)
    expect(panel).to_contain_text("LICENSE")
    expect(panel).to_contain_text("GPU")
    panel.locator("summary").press("Enter")
    expect(panel.locator(".files")).to_contain_text("openvino_model.bin")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("[data-detail]")).to_be_focused()
    page.keyboard.press("Enter")
    follow(panel.locator("a[href^='/playground']"))
    expect(page.locator("select").first).to_be_visible()


def test_it_is_loaded_and_unloaded_from_the_panel(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    page, _ = open_page(f"{live.url}/models")
    page.locator("[data-detail]").click()
    panel = page.locator("#model-detail")
    panel.get_by_role("button", name="Load on GPU").click()
    unload = panel.get_by_role("button", name="Unload from GPU")
    expect(unload).to_be_visible()
    expect(panel.locator(".detail-assigned")).to_contain_text("GPU")
    assert [model.id for model in live.site.store.load().devices["gpu"].models] == [PHI]
    unload.click()
    expect(panel.get_by_role("button", name="Load on GPU")).to_be_visible()


@BOTH
def test_several_models_are_assigned_and_deleted_at_once(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    models = [f"org/model-{number}" for number in range(3)]
    for model in models:
        add_model(live.site, model, published)
    page, _ = open_page(f"{live.url}/models", language=language)
    for model in models[:2]:
        page.locator(f"[data-pick][value='{model}']").check()
    page.locator("#bulk-device").select_option("npu")
    page.locator("[data-bulk=assign]").click()
    expect(page.locator(".toast")).to_contain_text("model-0")
    assert [model.id for model in live.site.store.load().devices["npu"].models] == models[:2]
    expect(page.locator("#bulk")).to_be_hidden()
    for model in models[1:]:
        page.locator(f"[data-pick][value='{model}']").check()
    page.locator("[data-bulk=delete]").click()
    expect(page.locator("#confirm-text")).to_contain_text("model-1 (NPU)")
    page.locator("#confirm-yes").click()
    expect(page.locator("#local-rows tr")).to_have_count(1)
    assert [model.id for model in live.site.registry.local_models()] == models[:1]


@BOTH
def test_several_models_are_loaded_and_unloaded_at_once(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    models = ["org/model-0", "org/model-1"]
    for model in models:
        add_model(live.site, model, published)
    page, _ = open_page(f"{live.url}/models", language=language)

    def pick_and_press(action: str) -> None:
        for model in models:
            page.locator(f"[data-pick][value='{model}']").check()
        page.locator("#bulk-device").select_option("gpu")
        page.locator(f"[data-bulk={action}]").focus()
        page.keyboard.press("Enter")

    pick_and_press("load")
    expect(page.locator(".toast")).to_contain_text("model-1")
    assert [model.id for model in live.site.store.load().devices["gpu"].models] == models
    for model in models:
        expect(page.locator(f"tr[data-model='{model}'] [data-answer=unloaded]")).to_be_visible()
    pick_and_press("unload")
    for model in models:
        expect(page.locator(f"tr[data-model='{model}'] [data-answer=loaded]")).to_be_visible()


@BOTH
def test_several_models_are_verified_at_once(live: LiveSite, hub: TestHub, open_page: OpenPage, language: str) -> None:
    page, _ = open_page(f"{live.url}/models", language=language)
    page.locator("#finder").fill(QWEN)
    page.locator("#typed form .button").click()
    page.locator("#finder").fill("")
    page.locator(f"[data-pick][value='{QWEN}']").check()
    page.locator("[data-bulk=verify]").click()
    name = QWEN.rpartition("/")[2]
    expect(page.locator(".toast", has_text=name).last).to_be_visible()
    weights = live.site.registry.find(QWEN).path / "openvino_model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    page.locator(f"[data-pick][value='{QWEN}']").check()
    page.locator("[data-bulk=verify]").click()
    expect(page.locator(".toast", has_text="openvino_model.bin")).to_be_visible()


@BOTH
def test_a_folder_is_picked_and_imported(
    live: LiveSite, published: Path, tmp_path: Path, open_page: OpenPage, language: str
) -> None:
    shelf = tmp_path / "我的 模型"
    add_model(shelf, "own/tiny", published)
    page, _ = open_page(f"{live.url}/models", language=language)
    page.locator("#import summary").click()
    page.locator("#import-path").fill(str(tmp_path))
    page.locator("#import-browse").click()
    page.locator("#folder-box").get_by_role("button", name="我的 模型").click()
    page.locator("#folder-box").get_by_role("button", name="own_tiny").click()
    expect(page.locator("#import-path")).to_have_value(str(shelf / "own_tiny"))
    page.locator("#import .import").click()
    expect(page.locator("tr[data-model='own/tiny']")).to_be_visible()


def test_what_is_dropped_is_taken(live: LiveSite, published: Path, tmp_path: Path, open_page: OpenPage) -> None:
    page, _ = open_page(f"{live.url}/models")
    drop = """([kind, text]) => {
        const data = new DataTransfer();
        data.setData(kind, text);
        const event = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
        document.getElementById('local').dispatchEvent(event);
    }"""
    page.evaluate(drop, ["text/uri-list", (tmp_path / "我的 模型").as_uri()])
    expect(page.locator("#import-path")).to_have_value(str(tmp_path / "我的 模型"))
    page.evaluate(drop, ["text/uri-list", f"https://huggingface.co/{QWEN}"])
    expect(page.locator("#typed")).to_contain_text("Qwen3-8B")


@pytest.mark.parametrize("width", [390, 1280])
def test_names_are_never_broken(live: LiveSite, published: Path, open_page: OpenPage, width: int) -> None:
    add_model(live.site, "OpenVINO/DeepSeek-R1-Distill-Qwen-1.5B-int4-cw-ov", published)
    page, _ = open_page(f"{live.url}/models", width=width)
    lines = "name => Math.round(name.offsetHeight / parseFloat(getComputedStyle(name).lineHeight))"
    for name in page.locator(".model-name b, .entry-name").all():
        assert name.evaluate(lines) <= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
