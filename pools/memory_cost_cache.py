"""What instances were seen to take, remembered over restarts."""

import contextlib
import hashlib
import json
from pathlib import Path

import msgspec

from instances.protocol import LoadModel
from storage.files import BROKEN_FILE, read_bytes, write_atomically

_WORTH_WRITING = 1.02
_LEAST_BYTES = 32 * 2**20
"""OpenVINO alone takes more: what is less was measured at a launcher in front of the worker."""


class MemoryCostCache:
    """Bytes of a loaded instance without its KV cache, by model, device and settings, in one JSON file.

    A file that cannot be read or written costs nothing but the memory of what was measured.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._costs: dict[str, int] = {}
        if path is not None:
            with contextlib.suppress(*BROKEN_FILE):
                costs = json.loads(read_bytes(path))
                self._costs = {str(key): int(value) for key, value in costs.items() if int(value) >= _LEAST_BYTES}

    def known(self, spec: LoadModel) -> int | None:
        return self._costs.get(_key(spec))

    def record(self, spec: LoadModel, size: int) -> None:
        key = _key(spec)
        before = self._costs.get(key)
        self._costs[key] = size
        changed = before is None or not before / _WORTH_WRITING <= size <= before * _WORTH_WRITING
        if changed and self._path is not None:
            with contextlib.suppress(OSError):
                write_atomically(self._path, json.dumps(self._costs, indent=1).encode())


def _key(spec: LoadModel) -> str:
    # The KV cache is counted by itself: its size may change without the rest.
    content = msgspec.json.encode(msgspec.structs.replace(spec, kv_cache_tokens=0))
    return hashlib.sha256(content).hexdigest()
