"""Chats are found again as they were saved; the file stays bounded, private, and is never lost."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saved_chats.database import ChatDatabase
from saved_chats.errors import ChatsFull, ChatsNotKept, InvalidChat, UnknownChat
from saved_chats.records import ChatChange, Lane, MessageChange, PresetChange
from saved_chats.store import ChatStore

CHAT = "c" * 16
OTHER = "d" * 16
QUESTION = "1" * 16
ANSWER = "2" * 16


def make_store(path: Path, *, most_bytes: int = 10_000_000) -> ChatStore:
    ticks = count(1)
    return ChatStore(ChatDatabase(path, most_bytes=most_bytes), clock=lambda: float(next(ticks)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "資料 夾" / "chats.db"


@pytest.fixture
def store(path: Path) -> Iterator[ChatStore]:
    store = make_store(path)
    yield store
    assert store._database is not None
    store._database.close()


def say(store: ChatStore, chat: str, message: str, text: str, **values: object) -> None:
    said = {"id": message, "role": "user", "content": text, "created": 1.0, **values}
    store.change(chat, ChatChange(messages=[msgspec.convert(said, MessageChange)]))


def test_a_chat_is_as_it_was_saved_after_a_restart(store: ChatStore, path: Path) -> None:
    lanes = [Lane("gpu-a", ANSWER), Lane("npu-b")]
    store.begin(CHAT, ChatChange(title="台北", lanes=lanes, options=msgspec.Raw(b'{"temperature":0.5}')))
    say(store, CHAT, QUESTION, "你好")
    say(store, CHAT, ANSWER, "half", role="assistant", parent=QUESTION, created=2.0)
    details = msgspec.Raw('{"reasoning":"嗯"}'.encode())
    whole = MessageChange(ANSWER, "assistant", "whole", created=9.0, parent=QUESTION, details=details)
    store.change(CHAT, ChatChange(messages=[whole]))
    again = make_store(path).get(CHAT)
    assert (again.title, again.lanes, bytes(again.options)) == ("台北", lanes, b'{"temperature":0.5}')
    assert [(each.id, each.content, each.parent, each.created) for each in again.messages] == [
        (QUESTION, "你好", None, 1.0),
        (ANSWER, "whole", QUESTION, 2.0),
    ]
    assert bytes(again.messages[1].details) == bytes(details)


def test_a_change_leaves_the_rest_and_only_messages_move_a_chat_up(store: ChatStore) -> None:
    store.begin(CHAT, ChatChange(title="one", options=msgspec.Raw(b'{"a":1}')))
    store.begin(OTHER, ChatChange(title="two"))
    store.change(CHAT, ChatChange(title="renamed"))
    assert [chat.title for chat in store.find().chats] == ["two", "renamed"]
    assert bytes(store.get(CHAT).options) == b'{"a":1}'
    say(store, CHAT, QUESTION, "hello")
    assert [chat.title for chat in store.find().chats] == ["renamed", "two"]


def test_the_list_comes_in_pages(store: ChatStore) -> None:
    for number in range(5):
        store.begin(f"{number:016x}", ChatChange(title=f"chat {number}"))
    first = store.find(limit=2)
    rest = store.find(before=first.chats[-1].changed, limit=9)
    assert first.more
    assert not rest.more
    assert [chat.title for chat in first.chats + rest.chats] == [f"chat {number}" for number in (4, 3, 2, 1, 0)]


WORD = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6)


@given(before=WORD, word=WORD, after=WORD)
def test_every_part_of_what_was_said_is_found(
    tmp_path_factory: pytest.TempPathFactory, before: str, word: str, after: str
) -> None:
    store = make_store(tmp_path_factory.mktemp("chats") / "chats.db")
    store.begin(CHAT, ChatChange(title="Saved"))
    say(store, CHAT, QUESTION, before + word + after)
    assert [chat.id for chat in store.find(word).chats] == [CHAT]
    assert [chat.id for chat in store.find(f"SAVED {word}").chats] == [CHAT]
    absent = store.find(word + before + word + after + word).chats
    assert absent == []


def test_signs_of_a_pattern_mean_themselves(store: ChatStore) -> None:
    store.begin(CHAT, ChatChange(title="100 percent"))
    say(store, CHAT, QUESTION, "a_b 50%!")
    assert len(store.find("50%!").chats) == len(store.find("a_b").chats) == 1
    assert store.find("a%b").chats == store.find("1_0").chats == []
    assert store.find("50%").chats[0].excerpt == "a_b 50%!"


def test_deleting(store: ChatStore, path: Path) -> None:
    secret = "a very secret sentence"
    for chat in (CHAT, OTHER):
        store.begin(chat, ChatChange(title=chat))
        say(store, chat, QUESTION, secret * 1000)
    store.delete(CHAT)
    with pytest.raises(UnknownChat):
        store.get(CHAT)
    with pytest.raises(UnknownChat):
        say(store, CHAT, ANSWER, "a running answer brings nothing back")
    with pytest.raises(UnknownChat):
        store.change(CHAT, ChatChange(title="nor its end"))
    with pytest.raises(UnknownChat):
        store.delete(CHAT)
    assert store.delete_all() == 1
    assert store.find().chats == []
    assert secret.encode() not in path.read_bytes()
    assert secret.encode() not in path.with_name("chats.db-journal").read_bytes()
    assert path.stat().st_size < 100_000


def test_the_switch(store: ChatStore) -> None:
    store.begin(CHAT, ChatChange(title="before"))
    store.switch(False)
    assert not store.keeps()
    with pytest.raises(ChatsNotKept):
        store.begin(OTHER, ChatChange(title="after"))
    with pytest.raises(ChatsNotKept):
        say(store, CHAT, QUESTION, "more")
    assert [chat.title for chat in store.find().chats] == ["before"]
    store.delete(CHAT)
    store.switch(True)
    store.begin(OTHER, ChatChange(title="again"))


def test_nothing_is_kept_where_the_configuration_forbids_it() -> None:
    store = ChatStore(None)
    listed = store.find()
    assert (listed.chats, listed.keep, listed.can_keep) == ([], False, False)
    for act in (
        lambda: store.begin(CHAT, ChatChange(title="x")),
        lambda: say(store, CHAT, QUESTION, "x"),
        lambda: store.switch(True),
        lambda: store.save_preset(CHAT, PresetChange("x", msgspec.Raw(b"{}"))),
    ):
        with pytest.raises(ChatsNotKept):
            act()
    assert store.presets() == []
    assert store.delete_all() == 0


def test_the_file_is_bounded_and_what_is_kept_stays(path: Path) -> None:
    store = make_store(path, most_bytes=400_000)
    store.begin(CHAT, ChatChange(title="full"))
    say(store, CHAT, QUESTION, "small")

    def fill() -> None:
        for number in range(100):
            say(store, CHAT, f"{number:016x}", "x" * 50_000)

    with pytest.raises(ChatsFull, match=r"0\.4 MB"):
        fill()
    assert path.stat().st_size <= 400_000
    assert store.get(CHAT).messages[0].content == "small"
    store.delete(CHAT)
    store.begin(OTHER, ChatChange(title="room again"))


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_only_its_owner_may_read_it(store: ChatStore, path: Path) -> None:
    store.begin(CHAT, ChatChange(title="private"))
    files = list(path.parent.iterdir())
    assert {file.name for file in files} == {"chats.db", "chats.db-journal"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize("damage", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_put_aside(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    store = make_store(path)
    store.begin(CHAT, ChatChange(title="new"))
    (aside,) = path.parent.glob("chats-damaged-*.db")
    assert aside.read_bytes() == damage
    assert [chat.title for chat in store.find().chats] == ["new"]


def test_damage_found_later_is_put_aside_too(store: ChatStore, path: Path) -> None:
    store.begin(CHAT, ChatChange(title="x"))
    for number in range(200):
        say(store, CHAT, f"{number:016x}", "words " * 500)
    assert store._database is not None
    store._database.close()
    data = bytearray(path.read_bytes())
    data[8192:200_000] = b"\xee" * (200_000 - 8192)
    path.write_bytes(data)

    def read() -> None:
        store.get(CHAT)
        store.find("words")

    with pytest.raises(sqlite3.DatabaseError):
        read()
    store.begin(CHAT, ChatChange(title="goes on"))
    assert list(path.parent.glob("chats-damaged-*.db"))


@pytest.mark.parametrize(
    "change",
    [
        {"details": msgspec.Raw(b"[]")},
        {"details": msgspec.Raw(b'"x"')},
        {"parent": "f" * 16},
    ],
)
def test_what_makes_no_sense_is_refused(store: ChatStore, change: dict[str, object]) -> None:
    store.begin(CHAT, ChatChange(title="x"))
    with pytest.raises(InvalidChat):
        store.change(CHAT, ChatChange(messages=[MessageChange(QUESTION, "user", "x", 1.0, **change)]))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidChat):
        store.begin(CHAT, ChatChange(options=msgspec.Raw(b'{"a": "' + b"x" * 600_000 + b'"}')))


def test_presets(store: ChatStore) -> None:
    for id, name in ((CHAT, "b"), (OTHER, "A")):
        store.save_preset(id, PresetChange(name, msgspec.Raw(b'{"system":"Be brief."}')))
    store.save_preset(CHAT, PresetChange("c", msgspec.Raw(b"{}")))
    assert [(preset.name, bytes(preset.options)) for preset in store.presets()] == [
        ("A", b'{"system":"Be brief."}'),
        ("c", b"{}"),
    ]
    store.delete_preset(CHAT)
    assert [preset.name for preset in store.presets()] == ["A"]
    with pytest.raises(UnknownChat):
        store.delete_preset(CHAT)


def test_everything_is_exported(store: ChatStore) -> None:
    for chat in (CHAT, OTHER):
        store.begin(chat, ChatChange(title=chat))
        say(store, chat, QUESTION, "你好")
    store.save_preset(CHAT, PresetChange("p", msgspec.Raw(b'{"a":1}')))
    document = msgspec.json.decode(b"".join(store.export()))
    assert [chat["id"] for chat in document["chats"]] == [CHAT, OTHER][::-1] or len(document["chats"]) == 2
    assert document["chats"][0]["messages"][0]["content"] == "你好"
    assert document["presets"] == [{"id": CHAT, "name": "p", "options": {"a": 1}}]


def test_a_chat_deleted_during_an_export_leaves_json(store: ChatStore) -> None:
    for chat in (CHAT, OTHER):
        store.begin(chat, ChatChange(title=chat))
    pieces = store.export()
    begun = next(pieces) + next(pieces)
    store.delete_all()
    document = msgspec.json.decode(begun + b"".join(pieces))
    assert [chat and chat["title"] for chat in document["chats"]] == [OTHER, None]


def test_many_threads_at_once(store: ChatStore) -> None:
    store.begin(CHAT, ChatChange(title="x"))

    def write(first: int) -> None:
        for number in range(first, first + 20):
            say(store, CHAT, f"{number:016x}", str(number))

    threads = [threading.Thread(target=write, args=(100 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.get(CHAT).messages) == 80
