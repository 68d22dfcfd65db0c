"""What the browser is given beside the pages."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "static"


def test_vendored_files_are_those_of_the_list() -> None:
    rows = re.findall(r"^\| (vendor/\S+) \|.*\| ([0-9a-f]{64}) \|$", (STATIC / "VENDOR.md").read_text("utf-8"), re.M)
    assert {path.relative_to(STATIC).as_posix() for path in (STATIC / "vendor").rglob("*") if path.is_file()} == {
        name for name, _ in rows
    }
    for name, digest in rows:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_no_template_breaks_the_content_policy() -> None:
    """No inline script, handler or style: the policy would block it."""
    for path in (STATIC.parent / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text), path
        assert not re.search(r"\s(on[a-z]+|style)=", text), path
        assert "<style" not in text, path


def test_scripts_and_styles_name_no_other_machine() -> None:
    for path in [*STATIC.glob("css/*.css"), *STATIC.glob("js/**/*.js")]:
        assert not re.search(r"https?://(?!\$\{location)|[\"'(]//", path.read_text(encoding="utf-8")), path
