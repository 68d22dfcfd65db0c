"""Commands for the suite itself: logs, restart, stop, open."""

from __future__ import annotations

import argparse
import asyncio
import webbrowser
from collections import deque
from pathlib import Path

import psutil

from commands.backend import AdminBackend
from commands.errors import FAILED, NOT_FOUND, UNREACHABLE, CommandFailed
from commands.output import Output
from commands.served import NOT_RUNNING
from supervision.run_file import read_run_file

_STOPPING_SECONDS = 30
_LOOK_SECONDS = 0.3
_GATEWAY = "gateway"


async def show_logs(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    """Reads the files, so that it also tells why the suite does not start."""
    folder = options.data_dir.resolve() / "logs"
    path = folder / f"{options.name}.log"
    known = sorted(each.stem for each in folder.glob("*.log"))
    if options.name not in known:
        raise CommandFailed(
            f'There is no log "{options.name}". Known: {", ".join(known) or "none yet"}.', code=NOT_FOUND
        )
    with path.open(encoding="utf-8", errors="replace") as stream:
        lines = [line.rstrip("\n") for line in deque(stream, maxlen=options.lines)]
        position = stream.tell()
    output.document({"name": options.name, "path": str(path), "lines": lines})
    output.write("".join(f"{line}\n" for line in lines))
    while options.follow and not options.json:
        await asyncio.sleep(_LOOK_SECONDS)
        position = _write_news(path, position, output)
    return 0


def _write_news(path: Path, position: int, output: Output) -> int:
    """What has come since. A file that has become shorter was begun anew."""
    try:
        if path.stat().st_size < position:
            position = 0
        with path.open("rb") as stream:
            stream.seek(position)
            news = stream.read()
    except OSError:  # it is being rotated
        return position
    whole = news[: news.rfind(b"\n") + 1]
    output.write(whole.decode("utf-8", "replace"))
    return position + len(whole)


async def restart(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if not backend.running:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)
    status = await backend.status()
    names = [device["name"] for device in status["devices"] if device["enabled"] and _serves(device)]
    if status["gateway"]["enabled"]:
        names.append(_GATEWAY)
    if options.name is not None:
        if options.name not in names:
            raise CommandFailed(
                f'"{options.name}" does not run. Running: {", ".join(names) or "none"}.', code=NOT_FOUND
            )
        names = [options.name]
    for name in names:
        await backend.restart(name)
    output.document({"restarted": names})
    output.say(f"Restarting: {', '.join(names) or 'nothing'}.")
    return 0


def _serves(device: dict[str, object]) -> bool:
    models = device["models"]
    return isinstance(models, list) and any(model["assignment"] is not None for model in models)


async def stop(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if not backend.running:
        output.document({"stopped": False})
        output.say("The suite is not running.")
        return 0
    running = read_run_file(options.data_dir.resolve())
    await backend.shut_down()
    if running is not None and backend.address is not None and running.url == backend.address.url:
        with output.busy("Requests that run are being finished"):
            if not await asyncio.to_thread(_ended, running.pid):
                raise CommandFailed(f"The suite (PID {running.pid}) has not ended yet.", code=FAILED)
    output.document({"stopped": True})
    output.say("Stopped.")
    return 0


def _ended(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(_STOPPING_SECONDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        return False
    return True


async def open_page(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if backend.address is None:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)
    url = backend.address.url
    output.document({"url": url})
    opened = await asyncio.to_thread(webbrowser.open, url)
    output.say(url if opened else f"No browser could be opened: {url}")
    return 0
