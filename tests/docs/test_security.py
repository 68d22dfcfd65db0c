"""SECURITY.md names a test for what it claims."""

import re

from tests.docs.pages import PROJECT

TEXT = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"[\w/]+\.py", TEXT)
CLAIMING = ("A malicious page", "A machine on the network", "A malicious client with a key", "Secrets and files")


def test_every_test_that_is_named_is_there() -> None:
    assert len(set(NAMED)) > 15
    for name in NAMED:
        assert (PROJECT / "tests" / name).is_file(), name


def test_every_claim_about_others_names_one() -> None:
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", TEXT, re.M))
    for title in CLAIMING:
        points = re.split(r"^- ", sections[title], flags=re.M)[1:]
        assert points
        if ".py" not in sections[title].partition("\n- ")[0]:  # one for the whole section stands before the list
            for point in points:
                assert re.search(r"\[[^\]]*\.py[^\]]*\]", point), point
