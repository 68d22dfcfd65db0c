import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from keys.errors import InvalidKeyName, KeyNameTaken, KeysUnreadable, LastAdminKey, UnknownKey
from keys.key_store import USE_NOTED_EVERY_SECONDS, KeyStore


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "資料 夾" / "keys.json", clock=lambda: 1000.0)


def test_a_key_is_found_by_its_secret_alone(store: KeyStore) -> None:
    key, secret = store.create("admin", ["admin", "inference"])
    assert key.scopes == ("inference", "admin")
    assert store.find(secret) == key
    for wrong in ("", secret[:-1], secret + "x", secret.upper(), key.digest, "x" * 100_000, "\ud83d"):
        assert store.find(wrong) is None


def test_no_secret_is_kept(store: KeyStore) -> None:
    key, secret = store.create("admin", ["admin"])
    text = store.path.read_text(encoding="utf-8")
    assert secret not in text
    assert secret[len(key.hint) :] not in text
    assert key.digest in text
    assert not list(store.path.parent.glob("*.tmp"))


@pytest.mark.skipif(sys.platform == "win32", reason="rights are an access list there")
def test_only_the_owner_can_read_the_file(store: KeyStore) -> None:
    before = os.umask(0)
    try:
        store.create("admin", ["admin"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_another_process_change_is_seen_at_once(store: KeyStore) -> None:
    other = KeyStore(store.path)
    assert other.all() == ()
    key, secret = store.create("admin", ["admin"])
    assert other.find(secret) == key
    store.revoke("admin")
    assert other.find(secret) is None


def test_the_first_key_must_be_able_to_manage(store: KeyStore) -> None:
    with pytest.raises(LastAdminKey):
        store.create("program", ["inference"])
    assert store.all() == ()


def test_the_last_key_that_manages_stays_while_it_is_needed(store: KeyStore) -> None:
    store.create("admin", ["admin"])
    store.create("program", ["inference"])
    with pytest.raises(LastAdminKey):
        store.revoke("admin")
    store.revoke("program")
    with pytest.raises(LastAdminKey):
        store.revoke("admin", keep_an_admin=True)
    store.revoke("admin")
    assert store.all() == ()


def test_a_key_is_revoked_by_id_or_name(store: KeyStore) -> None:
    store.create("admin", ["admin"])
    first, _ = store.create("first", ["inference"])
    store.create("second", ["inference"])
    store.revoke(first.id)
    store.revoke("second")
    assert [key.name for key in store.all()] == ["admin"]
    with pytest.raises(UnknownKey):
        store.revoke("second")


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb", "a\x00", "\x1b[31m"])
def test_names_are_plain(store: KeyStore, name: str) -> None:
    with pytest.raises(InvalidKeyName):
        store.create(name, ["admin"])


def test_names_are_unique(store: KeyStore) -> None:
    store.create("管理員", ["admin"])
    with pytest.raises(KeyNameTaken):
        store.create(" 管理員 ", ["admin"])


@pytest.mark.parametrize("content", [b"", b"{", b'{"keys": [{"id": 1}]}', b"\xff", b"[]"])
def test_a_file_that_cannot_be_read_lets_nobody_in(store: KeyStore, content: bytes) -> None:
    _, secret = store.create("admin", ["admin"])
    store.path.write_bytes(content)
    for use in (store.all, lambda: store.find(secret), lambda: store.create("other", ["admin"])):
        with pytest.raises(KeysUnreadable):
            use()
    assert store.path.read_bytes() == content


def test_uses_are_written_once_a_minute(tmp_path: Path) -> None:
    now = [1000.0]
    store = KeyStore(tmp_path / "keys.json", clock=lambda: now[0])
    key, _ = store.create("admin", ["admin"])
    assert store.use_is_stale(key)
    store.note_use(key.id)
    assert store.all()[0].last_used == 1000
    now[0] += USE_NOTED_EVERY_SECONDS - 1
    assert not store.use_is_stale(store.all()[0])
    now[0] += 1
    store.note_use(key.id)
    assert store.all()[0].last_used == now[0]


def test_many_writers_lose_nothing(store: KeyStore) -> None:
    store.create("admin", ["admin"])
    stores = [KeyStore(store.path) for _ in range(4)]

    def work(number: int) -> None:
        for index in range(5):
            stores[number].create(f"{number}-{index}", ["inference"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.all()) == 21
