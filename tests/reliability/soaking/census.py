"""All processes of the suite, counted again and again: memory, descriptors, threads, and who should not be there."""

import asyncio
import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil

LOOK_SECONDS = 2.0
_MEMORY_EVERY = 3
_ZOMBIE_SECONDS = 5.0
"""An ended process waits for its parent to look; that long it may."""
_STRAY_SECONDS = 10.0
"""What a killed parent leaves behind ends by itself: a worker that loads does so once the library lets it."""


@dataclass
class Life:
    """One process from its beginning to its end. `memory`: seconds on the monotonic clock and bytes that would be
    free if it ended (its unique set)."""

    pid: int
    role: str
    model: str = ""
    """The folder that a worker has its model from."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    most_descriptors: int = 0
    most_threads: int = 0
    zombie_since: float | None = None
    stray_since: float | None = None


@dataclass(frozen=True)
class Rest:
    """What a process holds while nothing is asked of it."""

    descriptors: int
    threads: int
    held: dict[str, int]
    """What the descriptors are, where the system tells."""


class Census:
    """`root` is the process id of the suite's main process."""

    def __init__(self, root: int) -> None:
        self.lives: dict[tuple[int, float], Life] = {}
        self.zombies: list[str] = []
        self.strays: list[str] = []
        self._root = psutil.Process(root)

    async def keep(self) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            await asyncio.to_thread(self.look, with_memory=looks % _MEMORY_EVERY == 0)
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, *, with_memory: bool) -> None:
        now = time.monotonic()
        there: set[tuple[int, float]] = set()
        for process in self._family():
            try:
                key = (process.pid, process.create_time())
                there.add(key)
                self._see(self._life(key, process), process, now, with_memory)
            except psutil.Error:
                continue
        for key, life in self.lives.items():
            if key not in there:
                self._see_outside(key, life, now)

    def at_rest(self) -> dict[str, Rest]:
        """By role; what is there only while models run is left out."""
        found: dict[str, Rest] = {}
        for process in self._family():
            role = role_of(process)
            if role == "admin" or role.startswith("server"):
                found[role] = Rest(_descriptors(process), process.num_threads(), _held(process))
        return found

    def running(self) -> set[int]:
        """The process ids of the suite."""
        return {process.pid for process in self._family()}

    def survivors(self, seconds: float) -> list[str]:
        """Who of all that were ever seen is alive so many seconds after the suite has ended."""
        known = [process for key, _ in self.lives.items() if (process := _alive(key)) is not None]
        _, alive = psutil.wait_procs(known, timeout=seconds)
        return [f"{self.lives[each.pid, each.create_time()].role} {each.pid}" for each in alive]

    def _family(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []

    def _life(self, key: tuple[int, float], process: psutil.Process) -> Life:
        if key not in self.lives:
            self.lives[key] = Life(process.pid, role_of(process))
        elif self.lives[key].role == "starting":
            self.lives[key].role = role_of(process)
        return self.lives[key]

    def _see(self, life: Life, process: psutil.Process, now: float, with_memory: bool) -> None:
        life.stray_since = None
        if process.status() == psutil.STATUS_ZOMBIE:
            life.zombie_since = life.zombie_since or now
            if now - life.zombie_since > _ZOMBIE_SECONDS:
                self.zombies.append(f"{life.role} {life.pid}")
            return
        life.most_descriptors = max(life.most_descriptors, _descriptors(process))
        life.most_threads = max(life.most_threads, process.num_threads())
        if with_memory:
            if life.role == "worker":
                life.model = life.model or _model_of(process)
            life.memory.append((now, process.memory_full_info().uss))

    def _see_outside(self, key: tuple[int, float], life: Life, now: float) -> None:
        """Its parent has gone. Zombies out here are the system's to collect."""
        if _alive(key) is None:
            return
        life.stray_since = life.stray_since or now
        if now - life.stray_since > _STRAY_SECONDS:
            self.strays.append(f"{life.role} {life.pid}")


def role_of(process: psutil.Process) -> str:
    """What a process of the suite is there for; `starting` before it has become what it will be."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return "starting"
    for module, role in (("main.py", "admin"), ("instances.worker", "worker"), ("registry.downloader", "downloader")):
        if module in words:
            return role
    if "server_app" in words:
        return f"server {words[words.index('--device') + 1]}"
    modules = [following for word, following in pairwise(words) if word == "-m"]
    return modules[0] if modules else "starting"


def _model_of(process: psutil.Process) -> str:
    mapped = (Path(each.path) for each in process.memory_maps())
    return next((path.parent.name for path in mapped if path.name.startswith("openvino_")), "")


def _alive(key: tuple[int, float]) -> psutil.Process | None:
    try:
        process = psutil.Process(key[0])
        return process if process.create_time() == key[1] and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _descriptors(process: psutil.Process) -> int:
    return process.num_fds() if os.name == "posix" else process.num_handles()


def _held(process: psutil.Process) -> dict[str, int]:
    folder = Path(f"/proc/{process.pid}/fd")
    if not folder.is_dir():
        return {}
    found: Counter[str] = Counter()
    for link in folder.iterdir():
        with suppress(OSError):
            found[str(link.readlink()).partition(":[")[0]] += 1
    found += Counter(f"connection {each.status}" for each in process.net_connections())
    return dict(found)
