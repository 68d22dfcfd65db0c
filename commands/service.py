"""`service`: a systemd unit of the user, or a scheduled task of Windows, that starts the suite."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from commands.backend import AdminBackend
from commands.errors import CONFLICT, FAILED, NOT_FOUND, CommandFailed
from commands.options import PROJECT
from commands.output import Output
from storage.files import write_atomically

NAME = "openvino-multi-model-server"
TASK = "OpenVINO Multi-Model Server"
_SCRIPT = PROJECT / "deploy" / "install-windows-task.ps1"

UNIT = """# Written by `main.py service install`, which writes it anew; `main.py service remove` takes it away.
[Unit]
Description=OpenVINO Multi-Model Server
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={folder}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
KillMode=mixed
OOMPolicy=continue
LimitNOFILE=16384
UMask=0077

[Install]
WantedBy=default.target
"""
"""The settings of deploy/openvino-multi-model-server.service that a user's own service may have."""


async def manage_service(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if sys.platform == "win32":
        return _windows(options, output)
    if sys.platform != "linux":
        raise CommandFailed("Services are made on Linux and Windows.", code=FAILED)
    act = {"install": _install, "remove": _remove, "status": _status}[options.action]
    if options.action == "install" and backend.running and not options.dry_run and not _answer("is-active"):
        raise CommandFailed("The suite runs already. Stop it first: main.py stop", code=CONFLICT)
    return act(options, output)


def unit(data_dir: Path, arguments: Sequence[str]) -> str:
    """The text of the unit that starts the suite on a data directory."""
    words = [sys.executable, str(PROJECT / "main.py"), "--data-dir", str(data_dir), *arguments]
    return UNIT.format(command=" ".join(map(quoted, words)), folder=str(PROJECT).replace("%", "%%"))


def quoted(word: str) -> str:
    """As systemd.service(5) and systemd.syntax(7) read a word of a command."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def unit_path() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / f"{NAME}.service"


def _install(options: argparse.Namespace, output: Output) -> int:
    text, path = unit(options.data_dir.resolve(), options.arguments), unit_path()
    output.document({"path": str(path), "unit": text, "dry_run": options.dry_run})
    if options.dry_run:
        output.say(f"# {path}\n{text}")
        return 0
    _systemctl("--version")  # before anything is written
    write_atomically(path, text.encode("utf-8"))
    _systemctl("daemon-reload")
    _systemctl("enable", f"{NAME}.service")
    _systemctl("restart", f"{NAME}.service")
    output.say(f"The suite runs, and starts whenever you log on: {path}")
    output.say("To start it with the machine instead: loginctl enable-linger")
    return 0


def _remove(options: argparse.Namespace, output: Output) -> int:
    path = unit_path()
    output.document({"path": str(path), "removed": path.exists() and not options.dry_run})
    if not path.exists():
        raise CommandFailed("There is no such service.", code=NOT_FOUND)
    if options.dry_run:
        output.say(f"Stop the service and delete {path}")
        return 0
    _systemctl("disable", "--now", f"{NAME}.service")
    path.unlink()
    _systemctl("daemon-reload")
    output.say("The service is stopped and removed.")
    return 0


def _status(options: argparse.Namespace, output: Output) -> int:
    installed = unit_path().exists()
    state = {
        "installed": installed,
        "enabled": installed and _answer("is-enabled"),
        "active": installed and _answer("is-active"),
    }
    output.document(state)
    words = {"enabled": "starts at logon", "active": "runs"}
    said = ", ".join(text if state[name] else f"not: {text}" for name, text in words.items())
    output.say(f"Installed; {said}." if installed else "Not installed.")
    return 0


def _answer(question: str) -> bool:
    command = ["systemctl", "--user", "--quiet", question, f"{NAME}.service"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _systemctl(*arguments: str) -> None:
    try:
        done = subprocess.run(["systemctl", "--user", *arguments], capture_output=True, encoding="utf-8")
    except OSError as error:
        raise CommandFailed("There is no systemd here, so no service can be made.", code=FAILED) from error
    if done.returncode != 0:
        raise CommandFailed(f"systemctl --user {' '.join(arguments)} failed: {done.stderr.strip()}", code=FAILED)


def _windows(options: argparse.Namespace, output: Output) -> int:
    if options.arguments:
        raise CommandFailed("A scheduled task takes no options of the suite: put them into server_config.json.")
    command = task_command(options.action, options.data_dir.resolve())
    if options.dry_run:
        output.document({"command": command, "dry_run": True})
        output.say(subprocess.list2cmdline(command))
        return 0
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if options.action == "status":
        output.document({"installed": done.returncode == 0, "details": done.stdout})
        output.say(done.stdout.strip() if done.returncode == 0 else "Not installed.")
        return 0
    if done.returncode != 0:
        raise CommandFailed((done.stderr or done.stdout).strip(), code=FAILED)
    output.document({"said": done.stdout.strip()})
    output.say(done.stdout.strip())
    return 0


def task_command(action: str, data_dir: Path) -> list[str]:
    if action == "status":
        return ["schtasks", "/query", "/tn", TASK, "/fo", "list"]
    powershell = ["powershell", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", str(_SCRIPT)]
    return [*powershell, "-Remove"] if action == "remove" else [*powershell, "-DataDir", str(data_dir)]
