"""Every finding has its words in the catalogues, and every word there belongs to a finding."""

from __future__ import annotations

import json
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TEXTS = [
    key for key in json.loads((PROJECT / "locales/en.json").read_text(encoding="utf-8")) if key.startswith("doctor.")
]
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "doctor").glob("*.py")))
COMPUTED = {
    f"{family}_{ending}" for family in ("openvino", "generation") for ending in ("failed", "crashed", "timeout")
}


def ids() -> set[str]:
    chosen = set(re.findall(r'key = "(\w+)"', SOURCE))
    return set(re.findall(r'Finding\(\s*"(\w+)"', SOURCE)) | chosen | COMPUTED


def test_every_finding_has_words() -> None:
    for id in ids():
        assert f"doctor.{id}.title" in TEXTS, id
        assert f"doctor.{id}.detail" in TEXTS, id


def test_every_word_belongs_to_a_finding() -> None:
    page = {"title"}
    assert {key.split(".")[1] for key in TEXTS if len(key.split(".")) == 3} - page == ids()
