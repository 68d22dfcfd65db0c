from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor.findings import Finding
from i18n.catalogues import Catalogues

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUES = Catalogues(PROJECT / "locales")
Said = Callable[[Finding], str]


@pytest.fixture(params=["en", "zh-TW"])
def said(request: pytest.FixtureRequest) -> Said:
    """Everything a finding says, in one language and then the other."""
    t = CATALOGUES.get(request.param)
    assert t is not None

    def say(finding: Finding) -> str:
        rendered = finding.render(t)
        return " ".join(filter(None, (rendered["title"], rendered["detail"], rendered["advice"])))

    return say


def by_subject(findings: list[Finding]) -> dict[tuple[str, str | None], Finding]:
    found = {(finding.id, finding.subject): finding for finding in findings}
    assert len(found) == len(findings), "a finding came twice"
    return found
