"""The drafts that the bundled list suggests."""

import pytest

from commands.output import Output
from commands.pulling import _finish
from configuration.suggested_command import PROJECT
from registry.catalogue import bundled_entries
from registry.names import check_model_id

SUGGESTED = {entry.id: entry.draft for entry in bundled_entries() if entry.draft}


def test_a_draft_is_a_model_of_the_hub_and_not_its_own() -> None:
    assert SUGGESTED
    for model, draft in SUGGESTED.items():
        assert check_model_id(draft) != model


def test_a_pull_says_which_draft_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    for model, draft in (*SUGGESTED.items(), ("org/other", None)):
        assert _finish({"state": "ready", "model_id": model, "error": None}, Output(as_json=False), PROJECT) == 0
        said = capsys.readouterr().out
        assert (f"main.py pull {draft}" in said) == (draft is not None)
