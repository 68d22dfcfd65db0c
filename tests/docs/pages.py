"""The documents, and what is cut out of them."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
READMES = (PROJECT / "README.md", PROJECT / "README.zh-TW.md")
PAGES = (*READMES, PROJECT / "CHANGELOG.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md")))

_LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links(page: Path) -> list[str]:
    """The targets of links and images, code left out."""
    prose = _FENCE.sub("", text_of(page))
    return [markdown or html for markdown, html in _LINK.findall(prose)]


def code_blocks(page: Path, language: str) -> list[str]:
    return [code for name, code in _FENCE.findall(text_of(page)) if name == language]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.M)
    return {_NOT_IN_ANCHORS.sub("", heading.strip().lower()).replace(" ", "-") for heading in headings}
