"""Making and revoking keys on the page, and what it says to clients once they need one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from i18n.catalogues import Catalogues
from tests.admin.browser import follow
from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import PROJECT, LiveSite, add_model


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_from_the_first_key_to_the_last(live: LiveSite, published: Path, open_page: OpenPage, language: str) -> None:
    t = Catalogues(PROJECT / "locales").get(language)
    assert t is not None
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, manners = open_page(live.url + "/settings", language=language)
    section = page.locator("#keys")
    expect(section).to_contain_text(t("keys.open"))

    def create(name: str, scope: str) -> str:
        page.get_by_label(t("keys.name"), exact=True).fill(name)
        page.get_by_label(t("keys.scope"), exact=True).select_option(scope)
        page.get_by_role("button", name=t("keys.create")).click()
        expect(page.locator("#key-secret")).to_contain_text("ovk-")
        secret = page.locator("#key-secret").inner_text()
        follow(page.get_by_role("button", name=t("keys.secret_done")))
        expect(section.locator(".job", has_text=name)).to_be_visible()
        assert secret not in page.content()
        return secret

    manages = create("me", "admin")
    expect(section).to_contain_text(t("keys.required"))
    expect(section.locator(".job")).to_contain_text(t("keys.own"))
    assert httpx.get(f"{live.url}/api/status").status_code == 401
    assert httpx.get(f"{live.url}/api/status", headers={"x-api-key": manages}).status_code == 200
    uses = create("program", "inference")
    assert httpx.get(f"{live.url}/api/status", headers={"x-api-key": uses}).status_code == 403

    page.goto(live.url + "/connect")
    expect(page.locator("#code-curl")).to_contain_text("Authorization: Bearer")
    page.goto(live.url + "/settings")
    manners.expect_errors("409")
    page.get_by_role("button", name=t("keys.revoke_named", name="me")).click()
    page.get_by_role("dialog").get_by_role("button", name=t("keys.revoke")).click()
    expect(page.locator(".toast")).to_contain_text(t("error.last_admin_key"))
    for name in ("program", "me"):
        page.get_by_role("button", name=t("keys.revoke_named", name=name)).click()
        follow(page.get_by_role("dialog").get_by_role("button", name=t("keys.revoke")))
        expect(section.locator(".job", has_text=name)).to_have_count(0)
    expect(section).to_contain_text(t("keys.open"))
