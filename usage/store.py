"""The figures on disk: one SQLite file that only its owner may read, of bounded size."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from storage.owner_only import restrict_to_owner
from usage.samples import COLUMNS, TOTAL_COLUMNS, Sample, SampleKey, Total, TotalKey, is_maximum
from usage.spans import KEPT_DAYS, SPANS, Span

logger = logging.getLogger(__name__)

USAGE_FILE = ".usage.sqlite"
_WAIT_SECONDS = 5.0


def _table(name: str, keys: str, columns: tuple[str, ...], key_names: str) -> str:
    figures = ", ".join(f"{column} NOT NULL" for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {name} ({keys}, {figures}, PRIMARY KEY ({key_names})) WITHOUT ROWID"


def _upsert(name: str, keys: str, columns: tuple[str, ...]) -> str:
    every = [*keys.split(", "), *columns]
    merged = ", ".join(
        f"{each} = max({each}, excluded.{each})" if is_maximum(each) else f"{each} = {each} + excluded.{each}"
        for each in columns
    )
    marks = ", ".join("?" * len(every))
    return f"INSERT INTO {name} ({', '.join(every)}) VALUES ({marks}) ON CONFLICT ({keys}) DO UPDATE SET {merged}"


_SAMPLE_KEYS, _TOTAL_KEYS = "step, at, device, model", "day, device, model, key"
_SCHEMA = (
    _table("samples", "step INTEGER, at INTEGER, device TEXT, model TEXT", COLUMNS, _SAMPLE_KEYS),
    _table("totals", "day TEXT, device TEXT, model TEXT, key TEXT", TOTAL_COLUMNS, _TOTAL_KEYS),
)
_ADD_SAMPLE = _upsert("samples", _SAMPLE_KEYS, COLUMNS)
_ADD_TOTAL = _upsert("totals", _TOTAL_KEYS, TOTAL_COLUMNS)


class UsageStore:
    """A file that cannot be read as a database is replaced by a new one. Methods block, and raise `sqlite3.Error` and
    OSError where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(
        self, samples: Mapping[tuple[int, SampleKey], Sample], totals: Mapping[TotalKey, Total], now: float
    ) -> None:
        """Add figures to the buckets of every span they fall into, and delete what has become too old.

        samples: by the moment they were read (seconds since the epoch), device and model.
        """
        rows = [
            (span.step, span.bucket(at), *key, *sample.values())
            for (at, key), sample in samples.items()
            for span in SPANS.values()
        ]
        sums = [(*key, *(getattr(total, name) for name in TOTAL_COLUMNS)) for key, total in totals.items()]
        with self._opened() as connection:
            connection.executemany(_ADD_SAMPLE, rows)
            connection.executemany(_ADD_TOTAL, sums)
            for span in SPANS.values():
                connection.execute("DELETE FROM samples WHERE step = ? AND at < ?", (span.step, now - span.kept))
            oldest = date.fromtimestamp(now) - timedelta(days=KEPT_DAYS)
            connection.execute("DELETE FROM totals WHERE day < ?", (oldest.isoformat(),))

    def samples(self, span: Span, now: float) -> dict[tuple[int, SampleKey], Sample]:
        """The buckets of a span, by beginning, device and model."""
        with self._opened() as connection:
            rows = connection.execute(
                f"SELECT at, device, model, {', '.join(COLUMNS)} FROM samples WHERE step = ? AND at >= ?",
                (span.step, span.times(now)[0]),
            ).fetchall()
        return {(at, (device, model)): Sample(*figures) for at, device, model, *figures in rows}

    def totals(self, since: date) -> dict[tuple[str, str, str], Total]:
        """By device, model and key, from one day on."""
        sums = ", ".join(f"SUM({name})" for name in TOTAL_COLUMNS)
        with self._opened() as connection:
            rows = connection.execute(
                f"SELECT device, model, key, {sums} FROM totals WHERE day >= ? GROUP BY device, model, key",
                (since.isoformat(),),
            ).fetchall()
        return {(device, model, key): Total(*figures) for device, model, key, *figures in rows}

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # the disk's fault, not the file's
                    raise
                logger.warning("%s is damaged and begins anew: %s", self._path.name, error)
                self._path.unlink()
                connection = self._connect()
            try:
                with connection:
                    yield connection
            finally:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            restrict_to_owner(self._path)
        connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        try:
            for statement in _SCHEMA:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection
