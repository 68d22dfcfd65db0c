"""Values as a language writes them."""

import pytest

from i18n.catalogues import Catalogues
from i18n.formats import sentences
from tests.support.launch import PROJECT


@pytest.mark.parametrize(
    ("language", "parts", "joined"),
    [
        ("en", ("It is on.", "", "Use it."), "It is on. Use it."),
        ("zh-TW", ("已開啟。", "", "可以使用。"), "已開啟。可以使用。"),
        ("en", ("", ""), ""),
    ],
)
def test_sentences_are_joined_as_the_language_writes_them(language: str, parts: tuple[str, ...], joined: str) -> None:
    translator = Catalogues(PROJECT / "locales").get(language)
    assert translator is not None
    assert sentences(*parts, t=translator) == joined
