"""Chats and presets in their database. All methods may be called from any thread; none may block an event loop."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from saved_chats.database import ChatDatabase
from saved_chats.errors import ChatsNotKept, InvalidChat, UnknownChat
from saved_chats.records import (
    MAX_OPTIONS_BYTES,
    ChatChange,
    ChatList,
    ChatSummary,
    Lane,
    MessageChange,
    Preset,
    PresetChange,
    SavedChat,
    SavedMessage,
)

MAX_LISTED = 100
MAX_PRESETS = 500
_KEEP = "keep"
_EXCERPT_BEFORE = 24
_EXCERPT = 90


class ChatStore:
    """`database` is None where server_config.json allows no chats to be kept. Errors: `saved_chats.errors`."""

    def __init__(self, database: ChatDatabase | None, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    # -- the switch -------------------------------------------------------------------------------------------------
    def keeps(self) -> bool:
        if self._database is None:
            return False
        with self._database.transaction() as cursor:
            return _keeps(cursor)

    def switch(self, keep: bool) -> None:
        """What is kept already stays until it is deleted. Raises `ChatsNotKept` where the configuration forbids it."""
        if self._database is None:
            raise ChatsNotKept
        with self._database.transaction() as cursor:
            cursor.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (_KEEP, int(keep)))

    # -- chats ------------------------------------------------------------------------------------------------------
    def find(self, search: str = "", *, before: float | None = None, limit: int = MAX_LISTED) -> ChatList:
        """The latest first; `search`: words that stand in the title or in one message, in any order."""
        if self._database is None:
            return ChatList([], more=False, keep=False, can_keep=False)
        words = search.split()[:8]
        found = [_matching(word) for word in words]
        conditions = " AND ".join(["changed < ?", *(condition for condition, _ in found)])
        values: list[Any] = [before if before is not None else float("inf")]
        values += [value for _, each in found for value in each]
        with self._database.transaction() as cursor:
            rows = cursor.execute(
                f"SELECT id, title, created, changed FROM chats WHERE {conditions} ORDER BY changed DESC LIMIT ?",
                (*values, limit + 1),
            ).fetchall()
            chats = [ChatSummary(*row, excerpt=_excerpt(cursor, row[0], words)) for row in rows[:limit]]
            return ChatList(chats, more=len(rows) > limit, keep=_keeps(cursor), can_keep=True)

    def get(self, chat: str) -> SavedChat:
        """Raises `UnknownChat`."""
        if self._database is None:
            raise UnknownChat
        with self._database.transaction() as cursor:
            return _whole(cursor, chat)

    def begin(self, chat: str, change: ChatChange) -> ChatSummary:
        """Make a chat; one that is there already is changed."""
        with self._writing() as (cursor, now):
            cursor.execute(
                "INSERT OR IGNORE INTO chats VALUES (?, ?, ?, ?, ?, ?)", (chat, "", now, now, _text([Lane()]), "{}")
            )
            return _changed(cursor, chat, change, now)

    def change(self, chat: str, change: ChatChange) -> ChatSummary:
        """Raises `UnknownChat`: a chat that was deleted meanwhile does not come back by its running answer."""
        with self._writing() as (cursor, now):
            return _changed(cursor, chat, change, now)

    def delete(self, chat: str) -> None:
        if self._database is None:
            raise UnknownChat
        with self._database.transaction() as cursor:
            if not cursor.execute("DELETE FROM chats WHERE id = ?", (chat,)).rowcount:
                raise UnknownChat

    def delete_all(self) -> int:
        """How many there were."""
        if self._database is None:
            return 0
        with self._database.transaction() as cursor:
            return cursor.execute("DELETE FROM chats").rowcount

    def export(self) -> Iterator[bytes]:
        """Everything as one JSON document, chat by chat. The chats are those of the moment it begins."""
        yield b'{"version": 1, "chats": ['
        for number, chat in enumerate(self._ids()):
            try:
                yield (b", " if number else b"") + msgspec.json.encode(self.get(chat))
            except UnknownChat:
                yield b", null" if number else b"null"  # deleted since
        yield b'], "presets": ' + msgspec.json.encode(self.presets()) + b"}"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, float]]:
        """A transaction and the time; raises `ChatsNotKept`."""
        if self._database is None:
            raise ChatsNotKept
        with self._database.transaction() as cursor:
            if not _keeps(cursor):
                raise ChatsNotKept
            yield cursor, self._clock()

    def _ids(self) -> list[str]:
        if self._database is None:
            return []
        with self._database.transaction() as cursor:
            return [id for (id,) in cursor.execute("SELECT id FROM chats ORDER BY changed DESC")]

    # -- presets ----------------------------------------------------------------------------------------------------
    def presets(self) -> list[Preset]:
        """By name."""
        if self._database is None:
            return []
        with self._database.transaction() as cursor:
            rows = cursor.execute("SELECT id, name, options FROM presets ORDER BY name COLLATE NOCASE, id").fetchall()
            return [Preset(id, name, msgspec.Raw(options.encode())) for id, name, options in rows]

    def save_preset(self, preset: str, change: PresetChange) -> None:
        """Presets are kept also while chats are not."""
        if self._database is None:
            raise ChatsNotKept
        options = _json_object(change.options)
        with self._database.transaction() as cursor:
            known = cursor.execute("SELECT count(*) FROM presets WHERE id != ?", (preset,)).fetchone()[0]
            if known >= MAX_PRESETS:
                raise InvalidChat(f"there are {MAX_PRESETS} presets already")
            cursor.execute("INSERT OR REPLACE INTO presets VALUES (?, ?, ?)", (preset, change.name, options))

    def delete_preset(self, preset: str) -> None:
        if self._database is None:
            raise UnknownChat
        with self._database.transaction() as cursor:
            if not cursor.execute("DELETE FROM presets WHERE id = ?", (preset,)).rowcount:
                raise UnknownChat


def _changed(cursor: sqlite3.Connection, chat: str, change: ChatChange, now: float) -> ChatSummary:
    lanes = None if change.lanes is None else _text(change.lanes)
    cursor.execute(
        "UPDATE chats SET title = coalesce(?, title), lanes = coalesce(?, lanes), options = coalesce(?, options),"
        " changed = coalesce(?, changed) WHERE id = ?",
        (change.title, lanes, _json_object(change.options), now if change.messages else None, chat),
    )
    row = cursor.execute("SELECT id, title, created, changed FROM chats WHERE id = ?", (chat,)).fetchone()
    if row is None:
        raise UnknownChat
    for message in change.messages:
        _save_message(cursor, chat, message)
    return ChatSummary(*row)


def _save_message(cursor: sqlite3.Connection, chat: str, message: MessageChange) -> None:
    details = _json_object(message.details, bounded=False) or "{}"
    if message.parent is not None and not _has(cursor, chat, message.parent):
        raise InvalidChat("the parent is not in this chat")
    cursor.execute(
        "INSERT INTO messages (chat, id, parent, lane, role, created, content, details)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chat, id) DO UPDATE SET"
        " content = excluded.content, details = excluded.details",
        (
            chat,
            message.id,
            message.parent,
            message.lane,
            message.role,
            message.created,
            message.content,
            details,
        ),
    )


def _keeps(cursor: sqlite3.Connection) -> bool:
    row = cursor.execute("SELECT value FROM switches WHERE name = ?", (_KEEP,)).fetchone()
    return row is None or bool(row[0])


def _has(cursor: sqlite3.Connection, chat: str, message: str) -> bool:
    return cursor.execute("SELECT 1 FROM messages WHERE chat = ? AND id = ?", (chat, message)).fetchone() is not None


def _matching(word: str) -> tuple[str, tuple[str, str]]:
    """The condition that a chat holds a word, and its values."""
    pattern = _pattern(word)
    inside = "id IN (SELECT chat FROM messages WHERE content LIKE ? ESCAPE '!')"
    return f"(title LIKE ? ESCAPE '!' OR {inside})", (pattern, pattern)


def _pattern(word: str) -> str:
    for special in "!%_":
        word = word.replace(special, f"!{special}")
    return f"%{word}%"


def _excerpt(cursor: sqlite3.Connection, chat: str, words: list[str]) -> str:
    """What stands around the first of the words that one of the messages holds."""
    for word in words:
        row = cursor.execute(
            "SELECT content, instr(lower(content), lower(?)) FROM messages"
            " WHERE chat = ? AND content LIKE ? ESCAPE '!' ORDER BY created LIMIT 1",
            (word, chat, _pattern(word)),
        ).fetchone()
        if row is not None:
            content, place = row
            start = max(place - 1 - _EXCERPT_BEFORE, 0)
            return " ".join(content[start : start + _EXCERPT].split())
    return ""


def _whole(cursor: sqlite3.Connection, chat: str) -> SavedChat:
    row = cursor.execute("SELECT title, created, changed, lanes, options FROM chats WHERE id = ?", (chat,)).fetchone()
    if row is None:
        raise UnknownChat
    title, created, changed, lanes, options = row
    messages = cursor.execute(
        "SELECT id, role, content, created, parent, lane, details FROM messages WHERE chat = ? ORDER BY created, rowid",
        (chat,),
    )
    return SavedChat(
        chat,
        title,
        created,
        changed,
        msgspec.json.decode(lanes, type=list[Lane]),
        msgspec.Raw(options.encode()),
        [
            SavedMessage(id, role, content, created, parent, lane, msgspec.Raw(details.encode()))
            for id, role, content, created, parent, lane, details in messages
        ],
    )


def _json_object(raw: msgspec.Raw, *, bounded: bool = True) -> str | None:
    """The text of a JSON object, None where there is none. Raises `InvalidChat`."""
    data = bytes(raw)
    if not data:
        return None
    if not data.startswith(b"{"):
        raise InvalidChat("options and details are JSON objects")
    if bounded and len(data) > MAX_OPTIONS_BYTES:
        raise InvalidChat(f"the options have more than {MAX_OPTIONS_BYTES} bytes")
    return data.decode("utf-8")


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
