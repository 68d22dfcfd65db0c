"""A browser's session outlives a restart of the server, not its key, and not its week."""

from pathlib import Path

import pytest
from starlette.datastructures import Headers

from keys.key_store import KeyStore
from keys.sessions import SESSION_COOKIE, SESSION_SECONDS, Sessions
from storage.owner_only import others_can_read


def cookie(token: str) -> Headers:
    return Headers({"cookie": f"{SESSION_COOKIE}={token}"})


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path / "keys.json")
    store.create("mine", ["admin"])
    return store


def test_a_session_outlives_a_restart(keys: KeyStore, tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    (key,) = keys.all()
    token = Sessions(keys, path).open(key.id)
    again = Sessions(keys, path)
    caller = again.caller(cookie(token))
    assert caller is not None
    assert caller.key == key
    assert token not in path.read_text(encoding="utf-8")
    assert not others_can_read(path)
    again.close(token)
    assert Sessions(keys, path).caller(cookie(token)) is None


def test_it_ends_with_its_key_and_its_week(keys: KeyStore, tmp_path: Path) -> None:
    now = 1_790_000_000.0
    path = tmp_path / "sessions.json"
    (key,) = keys.all()
    token = Sessions(keys, path, clock=lambda: now).open(key.id)
    for moment, known in ((now + SESSION_SECONDS - 1, True), (now + SESSION_SECONDS + 1, False), (now - 1, False)):
        assert (Sessions(keys, path, clock=lambda at=moment: at).caller(cookie(token)) is not None) is known
    keys.create("other", ["admin"])
    keys.revoke(key.id, keep_an_admin=False)
    assert Sessions(keys, path, clock=lambda: now).caller(cookie(token)) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b'{"a": {"key_id": 1}}', b"\xff"])
def test_a_broken_file_lets_no_one_in(keys: KeyStore, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sessions.json"
    path.write_bytes(content)
    sessions = Sessions(keys, path)
    assert sessions.caller(cookie("")) is None
    assert sessions.caller(cookie("a")) is None
    assert sessions.caller(cookie(sessions.open(keys.all()[0].id))) is not None
