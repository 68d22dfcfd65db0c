from __future__ import annotations

from pathlib import Path

import pytest

from registry.last_use import LastUse


def test_it_is_remembered_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "資料" / "used.json"
    path.parent.mkdir()
    first = LastUse(path)
    assert first.at("a/b") is None
    first.note("a/b", 20.0)
    first.note("a/b", 10.0)  # told late
    first.save()
    assert LastUse(path).at("a/b") == 20.0


@pytest.mark.parametrize("text", ["", "[]", '{"a": "x"}', '{"a": null}'])
def test_a_file_that_cannot_be_read_counts_as_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "used.json"
    path.write_text(text, encoding="utf-8")
    book = LastUse(path)
    assert book.at("a") is None
    book.note("a", 1.0)
    book.save()
    assert LastUse(path).at("a") == 1.0


def test_nothing_is_written_where_nothing_has_changed(tmp_path: Path) -> None:
    LastUse(tmp_path / "used.json").save()
    assert not list(tmp_path.iterdir())
    book = LastUse(tmp_path / "gone" / "used.json")
    book.note("a", 1.0)
    book.save()
    assert book.at("a") == 1.0
