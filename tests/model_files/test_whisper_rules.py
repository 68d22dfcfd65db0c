"""A Whisper model whose files leave out what the library asks for is told of before it is loaded."""

from pathlib import Path

import pytest

from model_files.model_facts import read_facts
from tests.model_files.layouts import whisper


@pytest.mark.parametrize(
    ("generation", "usable"),
    [
        ('{"lang_to_id": {"<|en|>": 50259}}', True),
        ('{"is_multilingual": false}', True),
        ('{"is_multilingual": true}', False),
        ("{}", False),
        ("{", False),
        (None, False),
    ],
)
def test_a_model_of_many_languages_names_them(tmp_path: Path, generation: str | None, usable: bool) -> None:
    whisper(tmp_path)
    file = tmp_path / "generation_config.json"
    file.unlink() if generation is None else file.write_text(generation, encoding="utf-8")
    problem = read_facts(tmp_path).problem
    assert (problem is None) == usable
    assert usable or "lang_to_id" in str(problem)
