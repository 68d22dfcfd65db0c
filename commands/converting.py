"""`convert`: a conversion with its progress."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any

from administration.pulls import failure
from commands.backend import AdminBackend, JsonAnswer
from commands.errors import FAILED, USAGE, CommandFailed
from commands.output import Output
from configuration.suggested_command import suggested_command
from i18n import formats

_STATES = {
    "queued": "Waiting",
    "checking": "Checking the source",
    "installing": "Installing the converter",
    "downloading": "Downloading",
    "converting": "Converting",
    "verifying": "Verifying",
}


async def convert(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.remove_converter:
        return await _remove_converter(backend, output)
    if options.source is None:
        raise CommandFailed("Name a model (organisation/name) or a folder.", code=USAGE)
    if options.detach and not backend.running:
        raise CommandFailed("--detach needs a running server: start it, or omit --detach.", code=USAGE)
    job: JsonAnswer = {}
    told: set[str] = set()
    async with contextlib.aclosing(backend.convert(_body(options))) as states:
        with output.busy("Converting") as status:
            async for job in states:
                for note in job["notes"]:
                    if note not in told:
                        output.progress(note)
                        told.add(note)
                if status is not None:
                    status.update(_described(job))
                elif _step(job) not in told:
                    output.progress(_step(job))
                    told.add(_step(job))
                if options.detach:
                    break
    if options.detach:
        output.document(job)
        output.say(f"The server is converting {options.source}.")
        return 0
    return _finish(job, options, output)


async def _remove_converter(backend: AdminBackend, output: Output) -> int:
    freed = await backend.converter(remove=True)
    output.document(freed)
    output.say(f"The converter was removed; {formats.size(freed['freed_bytes'])} freed.")
    return 0


def _body(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "source": _named(options.source),
        "device": options.device,
        "weights": options.weights,
        "model_id": options.id,
        "revision": options.revision,
        "adapter": _named(options.adapter) if options.adapter else None,
        "trust_remote_code": options.trust_remote_code,
    }


def _named(source: str) -> str:
    """A folder by its whole path: the server may have another working directory."""
    folder = Path(source).expanduser()
    return str(folder.resolve()) if folder.is_dir() else source


def _step(job: JsonAnswer) -> str:
    state: str = job["state"]
    return _STATES.get(state, state)


def _described(job: JsonAnswer) -> str:
    if job["percent"] is not None:
        done, total = formats.size(job["bytes_done"]), formats.size(job["bytes_total"])
        return f"{_step(job)}: {done} of {total} …"
    return f"{_step(job)}{': ' + job['stage'] if job['stage'] else ''} …"


def _finish(job: JsonAnswer, options: argparse.Namespace, output: Output) -> int:
    if error := failure(job):
        raise error
    output.document(job)
    if job["state"] != "ready":
        output.say(f"The conversion of {job['request']['source']} is {job['state']}.")
        return FAILED
    seen = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in job["verified"].items())
    output.say(f"Verified: {seen}.")
    command = suggested_command(f"assign {job['model_id']} {options.device}", options.data_dir)
    output.say(f"{job['model_id']} is ready. Next: {command}")
    return 0
