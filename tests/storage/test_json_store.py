"""One file, read by many: parsed when it has changed and at no other time."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.json_store import JsonStore

Value = dict[str, Any]


class Numbers:
    """A store that counts how often its file is parsed."""

    def __init__(self, path: Path, missing: Value | None = None) -> None:
        self.parsed = 0
        self.store = JsonStore(path, self._decode, lambda value: json.dumps(value).encode(), missing=missing)

    def _decode(self, data: bytes) -> Value:
        self.parsed += 1
        return json.loads(data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "資料 夾" / "numbers.json"


def grow_old(path: Path) -> None:
    past = time.time_ns() - 10_000_000_000
    os.utime(path, ns=(past, past))


def test_it_is_parsed_once_a_change_however_often_it_is_read(path: Path) -> None:
    numbers = Numbers(path)
    numbers.store.write({"a": 1})
    assert [numbers.store.read() for _ in range(50)] == [{"a": 1}] * 50
    assert numbers.parsed == 1
    numbers.store.change(lambda before: {**before, "b": 2})
    assert numbers.store.read() == {"a": 1, "b": 2}
    assert numbers.parsed == 2
    assert json.loads(path.read_bytes()) == {"a": 1, "b": 2}


def test_an_old_file_is_not_even_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = Numbers(path)
    numbers.store.write({"a": 1})
    grow_old(path)
    before = numbers.store.read()
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert numbers.store.read() is before


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(100, 999), min_size=1, max_size=6))
def test_a_change_of_the_same_length_and_time_is_seen(tmp_path_factory: pytest.TempPathFactory, values: list) -> None:
    path = tmp_path_factory.mktemp("store") / "numbers.json"
    numbers = Numbers(path, {})
    stamp = time.time_ns()
    for value in values:
        path.write_text(json.dumps({"a": value}), encoding="utf-8")
        os.utime(path, ns=(stamp, stamp))
        assert numbers.store.read() == {"a": value}


def test_a_broken_file_is_parsed_once_and_reported_each_time(path: Path) -> None:
    numbers = Numbers(path)
    path.parent.mkdir()
    path.write_text("{", encoding="utf-8")
    for _ in range(5):
        with pytest.raises(ValueError, match="property name"):
            numbers.store.read()
    assert numbers.parsed == 1
    with pytest.raises(ValueError, match="property name"):
        numbers.store.change(lambda before: before)
    assert path.read_text(encoding="utf-8") == "{"


def test_a_missing_file_is_what_was_agreed(path: Path) -> None:
    assert Numbers(path, {"none": 1}).store.read() == {"none": 1}
    with pytest.raises(FileNotFoundError):
        Numbers(path).store.read()
    store = Numbers(path, {}).store
    store.write({"a": 1})
    path.unlink()
    assert store.read() == {}


def test_changes_at_the_same_time_do_not_undo_each_other(path: Path) -> None:
    stores = [Numbers(path, {"count": 0}).store for _ in range(4)]

    def count(store: JsonStore[Value]) -> None:
        for _ in range(10):
            store.change(lambda before: {"count": before["count"] + 1})

    threads = [threading.Thread(target=count, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {store.read()["count"] for store in stores} == {40}
