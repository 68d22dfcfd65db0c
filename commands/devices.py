"""Commands about devices: assign, unassign, ps, status."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from commands.backend import AdminBackend, JsonAnswer
from commands.errors import UNREACHABLE, CommandFailed
from commands.gateway import line_of
from commands.output import Output
from commands.served import NOT_RUNNING
from i18n import formats

_STARTING_SECONDS = 60
_BETWEEN = ("starting", "stopping", "restarting")


async def assign(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    chosen = {
        "preload_count": options.preload,
        "max_concurrent": options.max_concurrent,
        "idle_timeout": options.idle_timeout,
    }
    settings = {name: value for name, value in chosen.items() if value is not None}
    answer = await backend.assign(options.model, options.device, settings)
    output.document(answer)
    port = (answer["device"] or {}).get("port")
    output.say(f"{options.device} serves {options.model} on port {port} as {options.device}-{options.model}.")
    _say_when(backend, output)
    return 0


async def assign_and_wait(backend: AdminBackend, model_id: str, device: str, output: Output) -> None:
    """Serve the model on the device unless it is served there already; until its server runs."""
    if not backend.running:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)
    before = next((each for each in (await backend.status())["devices"] if each["name"] == device), None)
    if before is None or not any(model["id"] == model_id and model["assignment"] for model in before["models"]):
        await backend.assign(model_id, device, {})
    with output.busy(f"Starting the server of {device}"):
        for _ in range(_STARTING_SECONDS * 2):
            found = next(each for each in (await backend.status())["devices"] if each["name"] == device)
            if found["state"] not in _BETWEEN:
                return
            await asyncio.sleep(0.5)


async def unassign(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    output.document(await backend.unassign(options.model, options.device))
    output.say(f"{options.device} no longer serves {options.model}.")
    _say_when(backend, output)
    return 0


def _say_when(backend: AdminBackend, output: Output) -> None:
    if not backend.running:
        output.say("The change takes effect at the next start.")


async def show_loaded(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    status = await backend.status()
    loaded = [
        {"device": device["name"], "model": model["id"], **model["running"]}
        for device in status["devices"]
        for model in device["models"]
        if model["running"] and (model["running"].get("instances") or model["running"]["state"] == "loading")
    ]
    output.document({"running": status["running"], "models": loaded})
    if not status["running"]:
        output.say("The suite is not running.")
    elif not loaded:
        output.say("No models are loaded; each loads on its first request.")
    else:
        output.table(
            ("MODEL", "DEVICE", "STATE", "INSTANCES", "ACTIVE", "QUEUED", "MEMORY"),
            [_loaded_row(each) for each in loaded],
            right=("INSTANCES", "ACTIVE", "QUEUED", "MEMORY"),
        )
    return 0


def _loaded_row(model: JsonAnswer) -> tuple[str, ...]:
    figures = tuple(str(model[name]) for name in ("instances", "active", "queued"))
    return (model["model"], model["device"], model["state"], *figures, _memory(model.get("measured")))


async def show_status(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    status = await backend.status()
    output.document(status)
    output.say(f"Running: {status['url']}" if status["running"] else "The suite is not running.", style="bold")
    for device in status["devices"]:
        output.say()
        output.say(_device_line(device))
        if device.get("last_error"):
            output.say(f"  {device['last_error']}", style="red")
        for model in device["models"]:
            if model["assignment"] is not None:
                running = model["running"] or {}
                output.say(f"  {device['name']}-{model['id']}  {running.get('state', '')}".rstrip())
    if gateway := status.get("gateway"):
        output.say(f"\n{line_of(gateway)}")
    if status.get("config_problem"):
        output.say(f"\n{status['config_problem']}", style="red")
    return 0


def _device_line(device: JsonAnswer) -> str:
    state = device.get("stage") or device["state"]
    words = [device["name"], f"port {device['port']}", state if device["enabled"] else "disabled"]
    hardware: dict[str, Any] = device.get("hardware") or {}
    if hardware:
        words.append(f"{hardware['used']} ({hardware['name']})")
    if hardware.get("fallback_reason"):
        words.append(f"instead of {device['requested']}")
    return "  ".join(words)


def _memory(size: int | None) -> str:
    return formats.size(size) if size else "–"
