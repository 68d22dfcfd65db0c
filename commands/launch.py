"""`launch`: starts a coding agent or chat program on a served model, or writes its configuration."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from clients.agent import Agent, ConfigFile
from clients.agents import AGENTS
from clients.fitness import unfit
from clients.places import Places
from clients.starting import Start, find_program, run_client, start_of
from clients.target import ANY_KEY, Target
from clients.written import FOLDER, CannotConfigure, Change, WrittenClient
from commands.backend import AdminBackend
from commands.errors import CONFLICT, NOT_FOUND, UNREACHABLE, USAGE, CommandFailed
from commands.output import Output
from commands.served import NOT_RUNNING, OfferedModel, find_served, served_models

_CODE_ALIAS = "code"


async def launch(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.client is None:
        return _list(options, output)
    agent = AGENTS[options.client]
    folder = options.data_dir.resolve() / FOLDER / agent.name
    try:
        if options.undo:
            return _undo(agent, WrittenClient(folder), options, output)
        target = await _target(backend, agent, options, output)
        if options.write:
            return _write(agent, target, WrittenClient(folder), options, output)
        return _start(agent, start_of(agent, target, folder / "own", options.arguments), options, output)
    except CannotConfigure as error:
        raise CommandFailed(str(error), code=CONFLICT) from error


def _list(options: argparse.Namespace, output: Output) -> int:
    rows = []
    for agent in AGENTS.values():
        record = WrittenClient(options.data_dir.resolve() / FOLDER / agent.name).record()
        rows.append((agent.name, agent.title, find_program(agent), record.model if record else None))
    fields = ("client", "title", "program", "written")
    output.document({"clients": [dict(zip(fields, row, strict=True)) for row in rows]})
    shown = [(name, title, program or "not installed", model or "–") for name, title, program, model in rows]
    output.table(("CLIENT", "", "PROGRAM", "CONFIGURED FOR"), shown)
    return 0


async def _target(backend: AdminBackend, agent: Agent, options: argparse.Namespace, output: Output) -> Target:
    if backend.address is None:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)
    if options.model is not None:
        model = await find_served(backend, options.model)
        if reasons := _reasons(agent, model):
            if not options.force:
                raise CommandFailed(f"{' '.join(reasons)} To go on anyway: --force", code=CONFLICT)
            for reason in reasons:
                output.errors.print(reason, style="yellow")
    else:
        model = await _choose(backend, agent)
    gateway = (await backend.status())["gateway"]
    port = gateway["port"] if gateway["enabled"] and gateway["state"] == "running" else model.port
    needs_key = bool(await backend.keys())
    if needs_key and options.key is None and not options.dry_run:
        raise CommandFailed(f"The server asks for a key: main.py keys create {agent.name}, then --key KEY", code=USAGE)
    return Target(
        backend.address.server(port),
        model.name,
        options.key or (ANY_KEY if not needs_key else "YOUR-KEY"),
        needs_key or options.key is not None,
        model.context,
        "vision" in model.abilities,
    )


async def _choose(backend: AdminBackend, agent: Agent) -> OfferedModel:
    """The gateway's alias for code, else the first model that is fit."""
    status = await backend.status()
    gateway = status.get("gateway") or {}
    if gateway.get("enabled") and any(alias["name"] == _CODE_ALIAS for alias in gateway["aliases"]):
        model = await find_served(backend, _CODE_ALIAS)
        if not _reasons(agent, model):
            return model
    served = [model for model in served_models(status) if model.enabled]
    if fit := next((model for model in served if not _reasons(agent, model)), None):
        return fit
    if not served:
        raise CommandFailed("No device serves a model yet: main.py assign MODEL DEVICE", code=NOT_FOUND)
    said = "\n".join(f"  {' '.join(_reasons(agent, model))}" for model in served)
    message = f"No served model is fit for {agent.title}:\n{said}\nChoose one: --model MODEL --force"
    raise CommandFailed(message, code=CONFLICT)


def _reasons(agent: Agent, model: OfferedModel) -> list[str]:
    found = unfit(agent, model.name, abilities=model.abilities, context=model.context, level=model.level)
    return [str(reason) for reason in found]


def _start(agent: Agent, start: Start, options: argparse.Namespace, output: Output) -> int:
    program = find_program(agent)
    if options.dry_run:
        for file in start.files:
            output.say(f"# {file.path}\n{file.text()}")
        for name, value in start.environment.items():
            output.say(f"{name}={value}")
        output.say(shlex.join(start.command))
        output.document(
            {
                "client": agent.name,
                "program": program,
                "command": list(start.command),
                "environment": dict(start.environment),
                "files": [{"path": str(file.path), "content": file.text()} for file in start.files],
            }
        )
        return 0
    if program is None:
        raise CommandFailed(f"{agent.title} is not installed: {agent.install}", code=NOT_FOUND)
    return run_client(start, program)


def _write(agent: Agent, target: Target, written: WrittenClient, options: argparse.Namespace, output: Output) -> int:
    files: Sequence[ConfigFile] = agent.files(target, Places.of_this_user())
    if not files:
        raise CommandFailed(
            f"{agent.title} takes its settings from the environment only: main.py launch {agent.name} starts it with "
            "them, and --dry-run shows them.",
            code=USAGE,
        )
    changes = written.plan(files) if options.dry_run else written.write(files, target.model)
    _report(changes, options, output)
    if not options.dry_run:
        output.say(f"{agent.title} uses {target.model} from now on. To undo: main.py launch {agent.name} --undo")
        if find_program(agent) is None:
            output.say(f"It is not installed here: {agent.install}", style="yellow")
    return 0


def _undo(agent: Agent, written: WrittenClient, options: argparse.Namespace, output: Output) -> int:
    if written.record() is None:
        raise CommandFailed(f"Nothing is written of {agent.title}.", code=NOT_FOUND)
    changes = written.plan_undo() if options.dry_run else written.undo()
    _report(changes, options, output)
    if not options.dry_run:
        output.say(f"{agent.title} is as it was.")
    return 0


def _report(changes: Sequence[Change], options: argparse.Namespace, output: Output) -> None:
    output.document(
        {"dry_run": options.dry_run, "files": [{"path": str(change.path), "diff": change.diff} for change in changes]}
    )
    for change in changes:
        output.say(str(change.path), style="bold")
        if options.dry_run:
            output.say(change.diff)
