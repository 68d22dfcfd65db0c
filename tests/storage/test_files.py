"""Files that somebody else is at in the moment in which they are replaced or read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.files import read_bytes, replace_path, write_atomically

WAITS = (0.0, 0.0, 0.0)


def refusing(act: Callable[..., Any], times: int) -> Callable[..., Any]:
    """`act`, which is not allowed at first."""
    refusals = iter(range(times))

    def attempt(*arguments: Any) -> Any:
        if next(refusals, None) is not None:
            raise PermissionError(13, "sharing violation")
        return act(*arguments)

    return attempt


@pytest.mark.parametrize("times", [0, 1, 3])
def test_patience_where_a_file_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refusing(Path.replace, times))
    replace_path(source, target, waits=WAITS)
    monkeypatch.setattr(Path, "read_bytes", refusing(Path.read_bytes, times))
    assert read_bytes(target, waits=WAITS) == b"new"


def test_patience_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refusing(Path.replace, 4))
    monkeypatch.setattr(Path, "read_bytes", refusing(Path.read_bytes, 4))
    with pytest.raises(PermissionError):
        read_bytes(path, waits=WAITS)
    with pytest.raises(PermissionError):
        replace_path(path, tmp_path / "other", waits=WAITS)
    with pytest.raises(FileNotFoundError):
        replace_path(tmp_path / "missing", path, waits=(60.0,))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b"old")
    monkeypatch.setattr("storage.files._WAITS", ())
    monkeypatch.setattr(Path, "replace", refusing(Path.replace, 100))
    with pytest.raises(PermissionError):
        write_atomically(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]
    assert path.read_bytes() == b"old"
