"""What a whole suite shows of itself while a test has its way with it: processes, answers, files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.support.launch import PROJECT

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Process:
    """`module`: what runs in it, such as `server_app`; `command`: its argument list in one text."""

    module: str
    command: str
    environment: tuple[tuple[str, str], ...]


@dataclass
class Evidence:
    """`answers`: address, headers and body of each answer that the tests' clients got, in the order of their coming."""

    data_dir: Path
    audit_file: Path
    processes: set[Process] = field(default_factory=set)
    answers: list[tuple[str, str]] = field(default_factory=list)
    asked_of_hub: list[str] = field(default_factory=list)
    streamed: str = ""
    made: dict[str, str] = field(default_factory=dict)
    """Secrets that the suite made itself, by what they are."""

    @property
    def temporary(self) -> Path:
        """The suite's folder of temporary files."""
        return self.data_dir.parent / "temporary"

    def note(self, response: httpx.Response) -> None:
        """An event hook of a client; the page's stream of events, which has no end, is left to its reader."""
        if response.url.path == "/api/events":
            return
        response.read()
        self.answers.append((f"{response.request.method} {response.url}", f"{dict(response.headers)}\n{response.text}"))

    def environments(self, module: str) -> list[dict[str, str]]:
        found = [dict(process.environment) for process in self.processes if process.module == module]
        assert found, f"no {module} was seen among {sorted({process.module for process in self.processes})}"
        return found

    def touched(self) -> Iterator[tuple[str, str, Path]]:
        """Kind, event and path of each file that a Python process of the suite touched."""
        for line in set(self.audit_file.read_bytes().splitlines()):
            kind, event, path = json.loads(line.decode("utf-8", "surrogatepass"))
            yield kind, event, Path(path)

    def files(self) -> Iterator[Path]:
        """What lies in the data directory."""
        yield from (path for path in self.data_dir.rglob("*") if path.is_file() and not path.is_symlink())


@contextmanager
def watching(evidence: Evidence, pid: int) -> Iterator[None]:
    """Look at all processes below `pid` again and again: some live for a second only."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            for process in _family(pid):
                try:
                    evidence.processes.add(_seen(process))
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch, name="watching")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _family(pid: int) -> list[psutil.Process]:
    try:
        suite = psutil.Process(pid)
        return [suite, *suite.children(recursive=True)]
    except psutil.Error:
        return []


def _seen(process: psutil.Process) -> Process:
    command = process.cmdline()
    module = next(
        (word for word in command if word.startswith(("main.py", "server_app", "instances.", "registry."))), "?"
    )
    return Process(module, " ".join(command), tuple(sorted(process.environ().items())))


def is_ours(path: Path) -> bool:
    """Part of the program itself."""
    return path.is_relative_to(PROJECT)
