"""`run`: chat with a served model in the terminal, or ask it once."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from commands.backend import AdminBackend
from commands.conversing.answers import show_answer
from commands.conversing.conversation import TerminalChat
from commands.conversing.slash_commands import SlashCommands, attach, checked_model, option_of
from commands.devices import assign_and_wait
from commands.errors import CONFLICT, INTERRUPTED, USAGE, CommandFailed
from commands.output import Output
from commands.served import find_served

_THINKING = {"on": True, "off": False, "low": "low", "medium": "medium", "high": "high"}


async def run(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.assign is not None:
        await assign_and_wait(backend, options.model, options.assign, output)
    model = checked_model(await find_served(backend, options.model))
    assert backend.address is not None  # find_served refuses otherwise
    if model.state != "running" and model.state not in ("starting", "restarting"):
        raise CommandFailed(
            f'The server of "{model.device}" is {model.state}: main.py logs {model.device}', code=CONFLICT
        )
    conversation = TerminalChat(
        model,
        backend.address,
        system=options.system or "",
        options={name: value for each in options.option for name, value in option_of(each).items()},
        think=_THINKING[options.think] if options.think else None,
        form=_form(options.format),
        keep_alive=options.keep_alive,
    )
    attach(conversation, [path.expanduser() for path in options.image])
    prompt = _prompt(options.prompt)
    if prompt is not None:
        return await _once(conversation, prompt, options, output)
    if options.json or not sys.stdout.isatty():
        raise CommandFailed('Give a prompt: run MODEL "What is an NPU?"', code=USAGE)
    from commands.conversing.terminal import HISTORY_FILE, converse  # the line editor takes its time to import

    commands = SlashCommands(conversation, output, lambda name: find_served(backend, name), options.verbose)
    history: Path | None = None if options.no_history else options.data_dir.resolve() / HISTORY_FILE
    await converse(conversation, commands, output, history=history)
    return 0


async def _once(conversation: TerminalChat, prompt: str, options: argparse.Namespace, output: Output) -> int:
    try:
        answer = await show_answer(conversation, prompt, output, statistics=options.verbose)
    except asyncio.CancelledError:
        output.fail("\nInterrupted.", "interrupted")
        return INTERRUPTED
    output.document(answer)
    return 0


def _prompt(words: list[str]) -> str | None:
    """What was typed, followed by what was piped in; None where there is neither."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace")
    parts = [part for part in (" ".join(words), piped.rstrip()) if part.strip()]
    return "\n\n".join(parts) or None


def _form(text: str | None) -> Any:
    """As Ollama's `format`: "json", or a JSON schema from a file."""
    if text is None or text == "json":
        return text
    try:
        return json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandFailed(f"--format is json, or a file with a JSON schema: {error}", code=USAGE) from error
