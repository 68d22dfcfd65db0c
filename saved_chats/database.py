"""The SQLite file of saved chats: its tables, its bounds, who may read it, and what happens when it is damaged."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from saved_chats.errors import ChatsFull
from storage.files import replace_path
from storage.owner_only import restrict_to_owner

CHATS_FILE = "chats.db"
_PAGE_BYTES = 4096
_VERSION = 1
_TABLES = """
CREATE TABLE chats (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, created REAL NOT NULL, changed REAL NOT NULL,
    lanes TEXT NOT NULL, options TEXT NOT NULL
);
CREATE INDEX chats_by_change ON chats (changed DESC);
CREATE TABLE messages (
    chat TEXT NOT NULL REFERENCES chats ON DELETE CASCADE, id TEXT NOT NULL, parent TEXT, lane INTEGER NOT NULL,
    role TEXT NOT NULL, created REAL NOT NULL, content TEXT NOT NULL, details TEXT NOT NULL,
    PRIMARY KEY (chat, id)
);
CREATE TABLE presets (id TEXT PRIMARY KEY, name TEXT NOT NULL, options TEXT NOT NULL);
CREATE TABLE switches (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""

logger = logging.getLogger(__name__)


class ChatDatabase:
    """One connection, used by one thread at a time. The file is made with the first use; SQLite itself keeps it below
    `most_bytes`. A file that is no database, or a damaged one, is put aside under a name that says so."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done within, or nothing of it. Raises `ChatsFull`, OSError and `sqlite3.Error`."""
        with self._lock:
            connection = self._connection or self._open()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise ChatsFull(self.most_bytes) from error
                if _is_damage(error):
                    self._put_aside()
                raise

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._put_aside()
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for path in (self.path, self.path.with_name(f"{self.path.name}-journal")):
            path.touch(mode=0o600)  # SQLite then keeps both, and nobody else can read them for a moment
            restrict_to_owner(path)
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            connection.execute("PRAGMA auto_vacuum = FULL")  # what is deleted makes the file smaller
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA foreign_keys = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
            connection.execute(f"PRAGMA max_page_count = {max(self.most_bytes // _PAGE_BYTES, 1)}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_aside(self) -> None:
        self.close()
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}{self.path.suffix}")
        replace_path(self.path, aside)
        logger.error("%s is damaged. It is kept as %s; chats are saved in a new file.", self.path, aside.name)


def _is_damage(error: BaseException) -> bool:
    return (
        isinstance(error, sqlite3.DatabaseError)
        and not isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError)
        and any(words in str(error) for words in ("malformed", "not a database"))
    )
