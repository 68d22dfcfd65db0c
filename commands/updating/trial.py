"""Whether a version of the suite starts: with its packages installed, on a copy of the settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from commands.updating.release import UpdateFailed

SETTINGS = ("device_config.json", "gateway.json", "server_config.json", "hub_settings.json", "tuning.json")
_SECONDS = 120


def prepare(project: Path) -> str:
    """Installs what it needs, as bootstrap.py does; its version. Raises `UpdateFailed`."""
    done = subprocess.run(
        [base_python(), str(project / "bootstrap.py"), "--version"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=_environment(),
    )
    if done.returncode != 0:
        raise UpdateFailed(f"Its packages could not be installed:\n{done.stdout[-2000:]}")
    return done.stdout.split()[-1]


def try_start(project: Path, data_dir: Path) -> None:
    """Raises `UpdateFailed`."""
    python = environment_python(project)
    for module in ("server_app", "gateway_app"):
        _run([python, "-m", module, "--version"], project)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in SETTINGS:
            if (data_dir / name).is_file():
                shutil.copy(data_dir / name, folder)
        _start([python, str(project / "main.py"), "--data-dir", folder, "--port", "0", "--no-devices"], project)


def _start(command: list[str], project: Path) -> None:
    process = subprocess.Popen(
        command,
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=_environment(),
    )
    assert process.stdout is not None
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        url = next((line.split()[-1] for line in said if line.split()[:1] == ["manage"]), None)
        if url is None:
            raise UpdateFailed(f"It does not start:\n{''.join(said)[-2000:]}")
        if url.startswith("http:"):
            with urllib.request.urlopen(f"{url}/health", timeout=_SECONDS) as answer:
                answer.read()
    except OSError as error:
        raise UpdateFailed(f"Its page does not answer: {error}") from error
    finally:
        timer.cancel()
        process.terminate()
        process.communicate()


def _run(command: list[str], project: Path) -> None:
    done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        raise UpdateFailed(f"{command[2]} does not start:\n{done.stderr[-2000:]}")


def environment_python(project: Path) -> str:
    python = project / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return str(python) if python.exists() else sys.executable


def base_python() -> str:
    """Not the environment's own: that is being changed."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
