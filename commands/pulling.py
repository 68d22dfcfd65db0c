"""`pull`: a download with its progress."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from administration.pulls import failure
from commands.backend import AdminBackend, JsonAnswer
from commands.errors import FAILED, USAGE, CommandFailed
from commands.output import Output
from configuration.suggested_command import suggested_command
from registry.catalogue import bundled_entries

_STATES = {
    "queued": "waiting",
    "resolving": "looking up files",
    "downloading": "downloading",
    "verifying": "checking files",
}


async def pull(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.detach and not backend.running:
        raise CommandFailed("--detach needs a running server: start it, or omit --detach.", code=USAGE)
    with _progress(output) as progress:
        task = progress.add_task(options.model, total=None, state="")
        job: JsonAnswer = {}
        async with contextlib.aclosing(backend.pull(options.model, options.revision)) as states:
            async for job in states:
                total = job["bytes_total"] or None
                state = _STATES.get(job["state"], job["state"])
                progress.update(task, total=total, completed=job["bytes_done"], state=state)
                if options.detach:
                    break
    if options.detach:
        output.document(job)
        output.say(f"The server is pulling {job['model_id']}.")
        return 0
    return _finish(job, output, options.data_dir)


def _finish(job: JsonAnswer, output: Output, data_dir: Path) -> int:
    if error := failure(job):
        raise error
    output.document(job)
    for note in job.get("notes", ()):
        output.say(note, style="yellow")
    if job["state"] != "ready":
        output.say(f"The pull of {job['model_id']} is {job['state']}.")
        return FAILED
    command = suggested_command(f"assign {job['model_id']} gpu", data_dir)
    output.say(f"{job['model_id']} is ready. Next: {command}")
    if draft := next((entry.draft for entry in bundled_entries() if entry.id == job["model_id"]), None):
        command = suggested_command(f"pull {draft}", data_dir)
        output.say(f'A draft may speed up single requests: {command}, then set "draft": "{draft}" for the model.')
    return 0


def _progress(output: Output) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=output.errors,
        transient=True,
        disable=output.as_json or not output.errors.is_terminal,
    )
