"""What the documents point to is there, and the READMEs agree."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import bootstrap
from configuration.device_config import DEFAULT_PORTS, DEMO_MODEL_ID, parse_configuration
from tests.docs.pages import PAGES, PROJECT, READMES, anchors, code_blocks, links, text_of

ENGLISH, CHINESE = READMES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in ("http", "https"), link
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        assert target.exists(), link
        assert target.is_relative_to(PROJECT), link
        if parts.fragment:
            assert parts.fragment in anchors(target), link


def test_every_image_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert shown >= set((PROJECT / "docs" / "images").iterdir())


def test_the_readmes_name_the_same_commands() -> None:
    for language in ("bash", "python", "json"):
        assert code_blocks(ENGLISH, language) == code_blocks(CHINESE, language)
        assert code_blocks(ENGLISH, language)


def test_the_readmes_name_the_same_keys_paths_and_endpoints() -> None:
    def named(page: Path) -> set[str]:
        return {name for name in re.findall(r"`([^`\n]+)`", text_of(page)) if name.isascii()}

    assert named(ENGLISH) - named(CHINESE) <= {"organisation_name"}
    assert named(CHINESE) - named(ENGLISH) <= {"ollama"}


def test_the_readmes_lead_to_the_same_places() -> None:
    def places(page: Path) -> set[str]:
        return {re.sub(r"-(en|zh-TW)-", "-", link) for link in links(page) if "README" not in link}

    assert places(ENGLISH) == places(CHINESE)
    assert CHINESE.name in links(ENGLISH)
    assert ENGLISH.name in links(CHINESE)


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_a_readme_asks_the_demo_model_on_the_default_ports(page: Path) -> None:
    commands = "".join(code_blocks(page, "bash"))
    for device, port in DEFAULT_PORTS.items():
        assert f"http://127.0.0.1:{port}" in commands
        assert f'"model": "{device}-{DEMO_MODEL_ID}"' in commands
    oldest, newest = (f"{major}.{minor}" for major, minor in (bootstrap.OLDEST, bootstrap.NEWEST))
    assert re.search(rf"Python {re.escape(oldest)}(–| 到 ){re.escape(newest)}", text_of(page))
    for block in code_blocks(page, "json"):
        parse_configuration(block, page)


def test_the_readmes_list_every_top_level_folder_of_code() -> None:
    listed = set(re.findall(r"`(\w+)/`", text_of(ENGLISH)))
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= listed


def test_the_test_command_is_the_one_that_the_checks_run() -> None:
    assert code_blocks(ENGLISH, "bash")[1].strip() in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
