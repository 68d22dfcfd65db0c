"""The catalogues: complete, equal in keys and placeholders, and known to every template and script."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest

from i18n.catalogues import Catalogues

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (PROJECT / "locales").glob("*.json")}
REFERENCE = CATALOGUES["en"]
CALL = re.compile(r"""\bt\(\s*["']([^"']+)["'](?!\s*[~%])""")
PREFIX = re.compile(r"""\bt\(\s*["']([^"']+)["']\s*~""")
SCRIPT_KEY = re.compile(r"""["'`](js\.[a-z_.]+)(\$\{)?""")


def placeholders(message: str | list[str]) -> set[str]:
    forms = [message] if isinstance(message, str) else message
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


@pytest.mark.parametrize("tag", CATALOGUES)
def test_catalogues_are_equal(tag: str) -> None:
    messages = CATALOGUES[tag]
    assert set(messages) == set(REFERENCE)
    for key, message in messages.items():
        assert isinstance(message, list) == isinstance(REFERENCE[key], list), key
        assert placeholders(message) == placeholders(REFERENCE[key]), key
        assert all(form.strip() for form in ([message] if isinstance(message, str) else message)), key


@pytest.mark.parametrize("tag", CATALOGUES)
def test_every_plural_form_is_there(tag: str) -> None:
    translator = Catalogues(PROJECT / "locales").get(tag)
    assert translator is not None
    forms = {translator.plural_form(n) for n in range(200)}
    for key, message in CATALOGUES[tag].items():
        if isinstance(message, list):
            assert len(message) == len(forms), key


def test_every_key_that_is_used_exists_and_the_other_way_round() -> None:
    sources = [
        *(PROJECT / "templates").rglob("*.html"),
        *(PROJECT / "admin").rglob("*.py"),
        *(PROJECT / "i18n").glob("*.py"),
        *(PROJECT / "clients").rglob("*.py"),
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "static" / "js").rglob("*.js"))
    used = set(CALL.findall(text)) | {key for key, computed in SCRIPT_KEY.findall(scripts) if not computed}
    prefixes = {*PREFIX.findall(text), *(key for key, computed in SCRIPT_KEY.findall(scripts) if computed)}
    assert used <= set(REFERENCE)
    computed = ("error.", "problem.", "language.", "doctor.", "notices.", *prefixes)
    conditional = {key for key in REFERENCE if f'"{key}"' in text}
    unused = {key for key in REFERENCE if key not in used | conditional and not key.startswith(computed)}
    assert not unused
    for prefix in prefixes:
        assert any(key.startswith(prefix) for key in REFERENCE), prefix


def test_a_language_is_added_by_a_file(tmp_path: Path) -> None:
    for tag, messages in CATALOGUES.items():
        (tmp_path / f"{tag}.json").write_text(json.dumps(messages), encoding="utf-8")
    czech = REFERENCE | {
        "language.name": "Čeština",
        "language.plural": "n==1 ? 0 : n>=2 && n<=4 ? 1 : 2",
        "models.count": ["{n} model", "{n} modely", "{n} modelů"],
    }
    (tmp_path / "cs.json").write_text(json.dumps(czech), encoding="utf-8")
    t = Catalogues(tmp_path).get("cs")
    assert t is not None
    assert [t("models.count", n=n) for n in (1, 3, 5)] == ["1 model", "3 modely", "5 modelů"]
