"""A Windows of Wine in a folder of its own: a Debian with Wine 10, CPython for Windows, and the project's wheels."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER_NAME = "模型 伺服器"
"""Where the project is put: Chinese characters and a space, under code page 950."""
BASE_PYTHON = r"Z:\opt\python\cp311\python.exe"
VENV_PYTHON = r".venv\Scripts\python.exe"

_ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/usr/bin:/bin:/usr/lib/wine",
    "LC_ALL": "zh_TW.UTF-8",  # Wine takes its code page, 950, from it
    "WINEPREFIX": "/opt/prefix",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml=;winedbg.exe=d",
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",  # AMX instructions end a process under Wine
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": r"Z:\opt\wheels",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "NO_PROXY": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Machine:
    """`root` is the Debian's root directory; what runs there shares this machine's network and processes."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "opt" / FOLDER_NAME

    @property
    def site_packages(self) -> Path:
        return self.project / ".venv" / "Lib" / "site-packages"

    def command(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """To run a Windows program in the project's folder. Its output goes through `cat`: Wine's Python takes pipes
        only."""
        variables = {**_ENVIRONMENT, **(environment or {})}
        settings = [f"{name}={value}" for name, value in variables.items()]
        inside = ["chroot", str(self.root), "/usr/bin/env", "-i", *settings]
        script = 'cd "$0" && exec wine64 "$@" </dev/null 2>&1 | cat'
        return [*inside, "sh", "-c", script, f"/opt/{FOLDER_NAME}", *words]

    def run(self, *words: str, environment: Mapping[str, str] | None = None, seconds: float = 600) -> str:
        """What a Windows program printed. Raises TimeoutExpired."""
        done = subprocess.run(self.command(words, environment), capture_output=True, timeout=seconds, check=False)
        return done.stdout.decode("utf-8", "replace")

    def start(self, *words: str, environment: Mapping[str, str] | None = None, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as stream:
            return subprocess.Popen(self.command(words, environment), stdout=stream, stderr=subprocess.STDOUT)

    def copy_project(self) -> None:
        """What git knows here, and what is new and not ignored."""
        self.project.mkdir(parents=True, exist_ok=True)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=PROJECT, capture_output=True, check=True).stdout
        archive = ["tar", "--null", "--files-from=-", "--create", "--ignore-failed-read", "--file=-"]
        packed = subprocess.run(archive, cwd=PROJECT, input=names, capture_output=True, check=True).stdout
        subprocess.run(["tar", "--extract", "--file=-"], cwd=self.project, input=packed, check=True)
