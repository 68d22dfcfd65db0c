"""Beginnings that prompts share, like a system prompt and its tools, kept so that a model can read them when loaded."""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from storage.files import BROKEN_FILE, read_bytes, write_atomically

LEAST_TOKENS = 256
"""A shorter beginning is read quickly enough."""
MOST_TOKENS = 32_768
_MOST_PREFIXES = 4
_RECENT = 16
_APART = 8
"""Tokens that both prompts have after the shared beginning: the next turn of a conversation only continues it."""

_Ids = npt.NDArray[np.int32]


class WarmPrefixes:
    """The shared beginnings of each model's prompts, the last one seen first, in one file that only its owner reads.

    Prompts are compared in memory; what is written is a beginning that two of them had in common before they went
    different ways. A file that cannot be read or written costs nothing but the beginnings. `path` None: nothing is kept
    over a restart.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._recent: dict[str, deque[_Ids]] = {}
        self._prefixes: dict[str, list[list[int]]] = {}
        if path is not None:
            with contextlib.suppress(*BROKEN_FILE, msgspec.MsgspecError):
                self._prefixes = msgspec.msgpack.decode(read_bytes(path), type=dict[str, list[list[int]]])

    def of(self, key: str) -> list[list[int]]:
        return list(self._prefixes.get(key, ()))

    def note(self, key: str, prompt_ids: list[int]) -> None:
        """A prompt came."""
        if len(prompt_ids) < LEAST_TOKENS + _APART:
            return
        prompt = np.asarray(prompt_ids[: MOST_TOKENS + _APART], dtype=np.int32)
        recent = self._recent.setdefault(key, deque(maxlen=_RECENT))
        shared = max((_shared(prompt, other) for other in recent), default=0)
        recent.append(prompt)
        if shared >= LEAST_TOKENS:
            self._keep(key, prompt_ids[:shared])

    def forget(self, key: str) -> None:
        """Nothing is to be kept of a model."""
        self._recent.pop(key, None)
        if self._prefixes.pop(key, None) is not None:
            self._write()

    def _keep(self, key: str, prefix: list[int]) -> None:
        known = self._prefixes.setdefault(key, [])
        longer = next((each for each in known if each[: len(prefix)] == prefix), None)
        if longer is not None and known[0] is longer:
            return
        others = [each for each in known if each is not longer and prefix[: len(each)] != each]
        self._prefixes[key] = [longer or prefix, *others][:_MOST_PREFIXES]
        self._write()

    def _write(self) -> None:
        if self._path is not None:
            content: Any = msgspec.msgpack.encode(self._prefixes)
            with contextlib.suppress(OSError):
                write_atomically(self._path, content, private=True, durable=False)


def _shared(one: _Ids, other: _Ids) -> int:
    """How many tokens two prompts begin with together, 0 where one only continues the other."""
    length = min(len(one), len(other))
    differing = one[:length] != other[:length]
    shared = int(differing.argmax()) if differing.any() else length
    return shared if length - shared >= _APART else 0
