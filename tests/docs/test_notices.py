"""THIRD_PARTY_NOTICES.txt names all that the program stands on."""

from __future__ import annotations

import re

from tests.docs.pages import PROJECT

NOTICES = (PROJECT / "THIRD_PARTY_NOTICES.txt").read_text(encoding="utf-8")
HEADINGS = {match[1]: match[2].strip() for match in re.finditer(r"^([\w.-]+)(?: (\S.*))?\n  Licence: ", NOTICES, re.M)}


def test_every_requirement_is_named_with_its_versions() -> None:
    for line in (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        match = re.match(r"([\w.-]+)(.*)", line)
        assert match is not None, line
        assert HEADINGS.get(match[1]) == match[2].strip(), line
        assert re.search(r"<\d", match[2]), f"{line}: the next major version has not been tried"


def test_every_entry_is_complete() -> None:
    entries = re.findall(r"^  Licence: .*\n  Copyright: \S.*\n  Project:   https://\S+$", NOTICES, re.M)
    assert len(entries) == len(re.findall(r"^  Licence: ", NOTICES, re.M))


def test_every_vendored_file_is_named_with_its_version() -> None:
    rows = re.findall(r"^\| vendor/(\S+) \| (\S+) \| (\S+) \|", (PROJECT / "static/VENDOR.md").read_text("utf-8"), re.M)
    assert rows
    for file, package, version in rows:
        assert f"{file}: {package} {version}\n" in NOTICES
