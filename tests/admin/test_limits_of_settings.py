"""No setting is saved that cannot be: the sentence stands beside its field, whoever finds out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model

BOTH = pytest.mark.parametrize("language", ["en", "zh-TW"])
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def open_settings(live: LiveSite, published: Path, open_page: OpenPage, language: str) -> Page:
    """The device's card with a model that was just ticked and is not applied, its settings open."""
    add_model(live.site, PHI, published)
    page, manners = open_page(live.url, language=language, view="advanced")
    manners.expect_errors("422")
    page.locator("#device-gpu .choice-name input").check()
    page.locator("#device-gpu .tuning summary").click()
    return page


WRONG_AND_RIGHT = (
    ("max_total_memory_gb", "0.0001", "20"),
    ("estimated_memory_gb", "100000", ""),
    ("preload_count", "500", "1"),
    ("parameters.temperature", "9", "0.7"),
    ("parameters.top_p", "1.5", "0.9"),
    ("max_concurrent", "2.5", "4"),
    ("max_concurrent", "", "4"),
)


@BOTH
def test_a_value_out_of_range_is_said_beside_its_field_and_not_saved(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    page = open_settings(live, published, open_page, language)
    card = page.locator("#device-gpu")
    note = card.locator(".field-error")
    for field, wrong, right in WRONG_AND_RIGHT:
        box = card.locator(f"[name='{field}']")
        box.fill(wrong)
        card.locator("button.apply").click()
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(note).to_have_count(1)
        expect(note).to_be_in_viewport()
        expect(box).to_be_focused()
        assert note.get_attribute("id") in (box.get_attribute("aria-describedby") or "").split()
        assert bool(CHINESE.search(note.inner_text())) == (language == "zh-TW")
        assert live.site.store.load().devices["gpu"].models == []
        box.fill(right)
    card.locator("button.apply").click()
    expect(card.locator(".state")).to_have_attribute("data-stage", "running")
    expect(note).to_have_count(0)


def test_the_settings_of_a_newly_ticked_model_are_applied_with_it(
    live: LiveSite, published: Path, open_page: OpenPage
) -> None:
    page = open_settings(live, published, open_page, "en")
    card = page.locator("#device-gpu")
    card.locator("[name=max_concurrent]").fill("3")
    card.locator("[name='parameters.temperature']").fill("0.25")
    card.locator("[name=system]").fill("簡短回答。")
    card.locator("button.apply").click()
    expect(card.locator(".state")).to_have_attribute("data-stage", "running")
    (model,) = live.site.store.load().devices["gpu"].models
    assert (model.max_concurrent, model.parameters, model.system) == (3, {"temperature": 0.25}, "簡短回答。")
    expect(card.locator(".tuning [name=max_concurrent]")).to_have_value("3")


def test_a_fold_that_is_closed_opens_over_a_wrong_value(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    page = open_settings(live, published, open_page, "en")
    card = page.locator("#device-gpu")
    card.locator("[name=preload_count]").fill("500")
    card.locator(".tuning summary").click()
    card.locator("button.apply").click()
    expect(card.locator(".field-error")).to_be_in_viewport()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_apply_bar_is_always_in_reach(live: LiveSite, published: Path, open_page: OpenPage, width: int) -> None:
    for number in range(12):
        add_model(live.site, f"org/model-{number}", published)
    page, _ = open_page(live.url, width=width)
    card = page.locator("#device-gpu")
    card.locator(".choice-name input").first.check()
    expect(card.locator("button.apply")).to_be_in_viewport()
    expect(card.locator(".unsaved")).to_be_in_viewport()


@BOTH
def test_a_devices_limits_are_checked_too(live: LiveSite, open_page: OpenPage, language: str) -> None:
    page, manners = open_page(f"{live.url}/settings", language=language)
    manners.expect_errors("422")
    form = page.locator(".limits").first
    form.locator("[name='limits.memory_limit_gb']").fill("0.0001")
    form.get_by_role("button").click()
    note = form.locator(".field-error")
    expect(note).to_be_visible()
    assert bool(CHINESE.search(note.inner_text())) == (language == "zh-TW")
    assert live.site.store.load().devices["gpu"].memory_limit_gb is None
    form.locator("[name='limits.memory_limit_gb']").fill("2")
    form.get_by_role("button").click()
    expect(note).to_have_count(0)
