"""One JSON file that several processes read and change: parsed when it has changed, replaced at once, changed by one at
a time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock

from storage.files import read_bytes, write_atomically

T = TypeVar("T")

_COARSEST_TICK = 2_000_000_000
"""Nanoseconds between two time stamps of the coarsest file system (FAT). A file that was written within the last tick
may be written again without a new stamp, so its bytes are compared."""

_Signature = tuple[int, int, int]


@dataclass(frozen=True)
class _Parsed(Generic[T]):
    signature: _Signature
    settled: bool
    data: bytes
    value: T | None
    error: Exception | None = None


class JsonStore(Generic[T]):
    """`decode` and `encode` say what the file means; their errors come through. `missing` is the value where there is
    no file; without it reading raises FileNotFoundError. `private`: only the owner may read it.

    Readers share the value and do not alter it. All methods may be called from any thread, and raise OSError.
    """

    def __init__(
        self,
        path: Path,
        decode: Callable[[bytes], T],
        encode: Callable[[T], bytes],
        *,
        missing: T | None = None,
        private: bool = False,
    ) -> None:
        self.path = path
        self._decode = decode
        self._encode = encode
        self._missing = missing
        self._private = private
        self._parsed: _Parsed[T] | None = None
        self._lock = threading.RLock()
        self._between_processes = FileLock(path.with_suffix(".lock"))

    def read(self) -> T:
        """As long as the file stays as it is, one look at its time stamp: cheap enough for every request."""
        try:
            parsed = self._look()
        except FileNotFoundError:
            if self._missing is None:
                raise
            return self._missing
        if parsed.error is not None:
            raise parsed.error.with_traceback(None)
        assert parsed.value is not None
        return parsed.value

    def write(self, value: T) -> T:
        """Returns the value as it will be read; what `decode` refuses is not written."""
        data = self._encode(value)
        value = self._decode(data)
        with self.locked():
            write_atomically(self.path, data, private=self._private)
            self._parsed = _Parsed(self._signature(), False, data, value)
        return value

    def change(self, change: Callable[[T], T]) -> T:
        """Who comes second is given what the first has written."""
        with self.locked():
            return self.write(change(self.read()))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads and processes from changing the file; readers go on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, self._between_processes:
            yield

    def _look(self) -> _Parsed[T]:
        signature, parsed = self._signature(), self._parsed
        if parsed is not None and parsed.settled and parsed.signature == signature:
            return parsed
        now = time.time_ns()
        data = read_bytes(self.path)
        settled = now - signature[0] > _COARSEST_TICK
        if parsed is not None and parsed.data == data:
            parsed = replace(parsed, signature=signature, settled=settled)
        else:
            try:
                parsed = _Parsed(signature, settled, data, self._decode(data))
            except Exception as error:  # kept too: a broken file is not parsed again until it changes
                parsed = _Parsed(signature, settled, data, None, error)
        self._parsed = parsed
        return parsed

    def _signature(self) -> _Signature:
        status = os.stat(self.path)  # noqa: PTH116  # asked at every request: a third of what pathlib takes
        return status.st_mtime_ns, status.st_size, status.st_ino
