"""The page's Chinese has one word for one thing, the one of `locales/glossary.md`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

LOCALES = Path(__file__).resolve().parents[2] / "locales"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (LOCALES / "glossary.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
][1:]
TEXTS = {
    key: entry if isinstance(entry, str) else "\n".join(entry)
    for key, entry in json.loads((LOCALES / "zh-TW.json").read_text(encoding="utf-8")).items()
}
OWN_TERMS = ("設備管理", "拉取新模型", "本地已下載模型", "套用並重啟", "實例", "併發數", "服務埠")
NAMES = ("裝置管理員", "裝置檔")


@pytest.mark.parametrize(("english", "word", "ruled_out"), ROWS)
def test_no_text_has_another_word(english: str, word: str, ruled_out: str) -> None:
    for other in filter(None, ruled_out.split(", ")):
        longer = word.removeprefix(other) if word.startswith(other) else ""
        pattern = re.escape(other) + (f"(?!{re.escape(longer)})" if longer else "")
        found = {key: text for key, text in TEXTS.items() if re.search(pattern, _without_names(text))}
        assert not found, (english, word, other, found)


def test_the_terms_of_the_page_are_in_use() -> None:
    words = {row[1].partition("；")[0] for row in ROWS}
    everything = "\n".join(TEXTS.values())
    for term in OWN_TERMS:
        assert term in words
        assert term in everything


def _without_names(text: str) -> str:
    for name in NAMES:
        text = text.replace(name, "")
    return text
