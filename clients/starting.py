"""Starts a client on a model, its own files left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.agent import Agent, ConfigFile
from clients.target import Target
from storage.files import write_atomically


@dataclass(frozen=True)
class Start:
    """`command` without the program's folder; `environment` in addition to ours; `files` to be written before."""

    command: Sequence[str]
    environment: Mapping[str, str]
    files: Sequence[ConfigFile] = ()


def start_of(agent: Agent, target: Target, folder: Path, arguments: Sequence[str] = ()) -> Start:
    """`folder`: for files of ours; `arguments`: the user's, for the client."""
    own = agent.own_files(target, folder)
    words = [agent.program, *agent.arguments(target), *agent.own_arguments(folder), *arguments]
    return Start(words, agent.environment(target), own)


def find_program(agent: Agent) -> str | None:
    return shutil.which(agent.program)


def run_client(start: Start, program: str) -> int:
    """Its exit code. Ctrl-C is the client's while it runs."""
    for file in start.files:
        write_atomically(file.path, file.text().encode("utf-8"), private=True)
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, _leave_it) if main else None
    try:
        return subprocess.run(
            [program, *start.command[1:]], env={**os.environ, **start.environment}, check=False
        ).returncode
    finally:
        if main:
            signal.signal(signal.SIGINT, before)


def _leave_it(*_: object) -> None:
    """A handler of ours, not SIG_IGN, which the client would inherit."""
