"""From what was typed to a command's exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from commands.console import accept_all_characters
from commands.errors import INTERRUPTED, CommandFailed, explained
from commands.options import ASK, COMMANDS, PROJECT, parse_command, suite_parser

if TYPE_CHECKING:
    import argparse

    from commands.backend import AdminBackend
    from commands.output import Output

    Command = Callable[[AdminBackend, argparse.Namespace, Output], Awaitable[int]]


def run_command(arguments: Sequence[str]) -> int | None:
    """The exit code of the command, None where the suite is to be started."""
    accept_all_characters()
    if arguments[:1] == [ASK]:
        return _complete(arguments[1:])
    if arguments[:1] in (["-h"], ["--help"]):
        suite_parser().print_help()
        return 0
    if arguments[:1] == ["--version"]:
        suite_parser().parse_args(arguments[:1])
    if not arguments or arguments[0] not in COMMANDS or arguments[0] == "serve":
        return None
    options = parse_command(arguments)
    if options.command == "update":
        from commands.updating.update import update

        return update(PROJECT, options, lambda line: _say(line, options))
    if options.command == "completion":
        from commands.completing import script

        sys.stdout.write(script(options.shell, options.name))
        return 0
    from commands.output import Output

    output = Output(as_json=options.json)
    try:
        return asyncio.run(_run(options, output))
    except CommandFailed as error:
        output.fail(str(error), error.kind)
        return error.code
    except KeyboardInterrupt:
        output.fail("Interrupted.", "interrupted")
        return INTERRUPTED


def _say(line: str, options: argparse.Namespace) -> None:
    """Standard library only, as the command is; with --json a document a line."""
    sys.stdout.write((json.dumps({"message": line}) if options.json else line) + "\n")
    sys.stdout.flush()


def _complete(words: Sequence[str]) -> int:
    from commands.completing import candidates

    sys.stdout.write("".join(f"{word}\n" for word in candidates(words)))
    return 0


async def _run(options: argparse.Namespace, output: Output) -> int:
    from commands.finding import find_backend

    with explained():
        backend = await find_backend(options.data_dir.resolve(), options.url)
        try:
            return await _command(options.command)(backend, options, output)
        finally:
            await backend.close()


def _command(name: str) -> Command:
    from commands import (
        bench,
        converting,
        devices,
        examining,
        gateway,
        keys,
        launch,
        models,
        pulling,
        run,
        running,
        service,
        tuning,
    )

    return {
        "pull": pulling.pull,
        "convert": converting.convert,
        "list": models.list_models,
        "search": models.search,
        "show": models.show,
        "rm": models.remove,
        "verify": models.verify,
        "import": models.import_folder,
        "assign": devices.assign,
        "unassign": devices.unassign,
        "gateway": gateway.switch,
        "keys": keys.manage_keys,
        "ps": devices.show_loaded,
        "status": devices.show_status,
        "run": run.run,
        "service": service.manage_service,
        "open": running.open_page,
        "logs": running.show_logs,
        "restart": running.restart,
        "stop": running.stop,
        "launch": launch.launch,
        "tune": tuning.tune,
        "bench": bench.bench,
        "doctor": examining.examine,
    }[name]
