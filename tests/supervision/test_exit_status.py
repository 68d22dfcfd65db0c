from pathlib import Path

import pytest

from i18n.catalogues import Catalogues
from notices import Notice
from supervision.exit_status import _NT_STATUS, crashed, describe_exit

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("code", "words", "crash"),
    [
        (0, "exit code 0", False),
        (3, "exit code 3", False),
        (-15, "signal SIGTERM", True),
        (-200, "signal 200", True),
        (0xC0000005, "exit code 0xC0000005 (access violation)", True),
        (0xC0001234, "exit code 0xC0001234", True),
    ],
)
def test_codes_of_both_systems(code: int, words: str, crash: bool) -> None:
    assert describe_exit(code) == words
    assert crashed(code) == crash


@pytest.mark.parametrize("code", [3, -9, *_NT_STATUS])
def test_the_page_has_its_words_for_it(code: int) -> None:
    (chinese,) = [each for each in Catalogues(PROJECT / "locales").languages if each.tag == "zh-TW"]
    said = chinese.say(Notice("notices.instance_process_ended", exit=describe_exit(code)))
    assert said.startswith("實例的程序結束了（")
    assert "(" not in said
