"""Starting, hearing and ending a downloader process."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import PIPE
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from notices import Notice, joined
from registry.downloader_protocol import DownloadFinished, DownloadRequest, Event, decode_event, encode
from registry.settings import DEFAULT_ENDPOINT
from supervision.environment import network_environment
from supervision.exit_status import describe_exit
from supervision.python import python_command
from supervision.spawn import spawn_process

_LINE_LIMIT = 32 * 1024 * 1024
_STOP_SECONDS = 3.0


class DownloaderDied(Exception):
    """The child ended without a result or a reason."""


async def download_events(request: DownloadRequest) -> AsyncGenerator[Event, None]:
    """What a downloader reports, up to and without Finished. Closing the generator ends the process.

    Raises DownloaderDied, OSError.
    """
    process = await _spawn(request.endpoint)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_last_lines(process.stderr))
    try:
        process.stdin.write(encode(request) + b"\n")
        async with aclosing(read_download_events(process.stdout)) as events:
            async for event in events:
                if isinstance(event, DownloadFinished):
                    return
                yield event
    finally:
        await asyncio.shield(_end(process))
        last_lines = await errors
    how = describe_exit(process.returncode or 0)
    ended = Notice("notices.downloader_ended", exit=how)
    raise DownloaderDied(joined(ended, last_lines) if last_lines else ended)


async def read_download_events(stream: asyncio.StreamReader) -> AsyncGenerator[Event, None]:
    """The events of a downloader's output, to Finished or the end. Raises DownloaderDied on what is none."""
    try:
        while line := await stream.readline():
            event = decode_event(line)
            yield event
            if isinstance(event, DownloadFinished):
                return
    except (ConnectionError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise DownloaderDied(Notice("notices.downloader_unreadable", error=error)) from error


async def _spawn(endpoint: str) -> asyncio.subprocess.Process:
    settings = {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",  # its transfers were seen to stall on Windows
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUTF8": "1",
    }
    return await spawn_process(
        python_command("-m", "registry.downloader"),
        environment=network_environment() | _token_of_the_environment(endpoint) | settings,
        stderr=PIPE,
        limit=_LINE_LIMIT,
    )


def _token_of_the_environment(endpoint: str) -> dict[str, str]:
    """Hugging Face's client looks for it there; no other hub's download gets to see it."""
    names = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") if endpoint == DEFAULT_ENDPOINT else ()
    return {name: os.environ[name] for name in names if name in os.environ}


async def _last_lines(stream: asyncio.StreamReader) -> str:
    lines: deque[str] = deque(maxlen=3)
    while line := await stream.readline():
        lines.append(line.decode("utf-8", "replace").strip())
    return " ".join(lines)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End of input asks the child to stop; one that does not is killed."""
    if process.stdin:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except asyncio.TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            process.kill()
        await process.wait()
