"""Which served model a person means, and where its server is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clients.fitness import usable_context
from commands.backend import AdminBackend, JsonAnswer
from commands.errors import CONFLICT, NOT_FOUND, UNREACHABLE, CommandFailed

_LATEST = ":latest"
NOT_RUNNING = "The suite is not running. Start it in another terminal: python3 bootstrap.py"


@dataclass(frozen=True)
class OfferedModel:
    """`name` as its server knows it; `port` the server's. `context`: tokens on the device, None where unknown. `budget`
    and `needed`: bytes that the device may take and that one loaded copy takes, None where unknown. `level`: see
    `admin.live.views.Fitness`."""

    name: str
    id: str
    device: str
    port: int
    state: str
    enabled: bool
    abilities: tuple[str, ...]
    context: int | None
    level: str | None = None
    needed: int | None = None
    budget: int | None = None


def served_models(status: JsonAnswer) -> list[OfferedModel]:
    """What the devices offer, in the configuration's order."""
    return [
        _served(device, model)
        for device in status["devices"]
        for model in device["models"]
        if model["assignment"] is not None
    ]


async def find_served(backend: AdminBackend, name: str) -> OfferedModel:
    """The model that `name` means: as its server names it, its ID, an alias of the gateway, or an ID's unmistakable
    end. Raises `CommandFailed`, which says what to do."""
    if not backend.running:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)
    status = await backend.status()
    served = served_models(status)
    found = _named(name.removesuffix(_LATEST), served) or _aliased(name.removesuffix(_LATEST), status, served)
    if found is None:
        raise await _unknown(backend, name, served)
    if not found.enabled:
        raise CommandFailed(f'The device "{found.device}" is switched off: switch it on on the page.', code=CONFLICT)
    return found


def _named(name: str, served: Iterable[OfferedModel]) -> OfferedModel | None:
    by_name = {model.name: model for model in served}
    if exact := by_name.get(name):
        return exact
    same = [model for model in by_name.values() if model.id == name]
    if not same:
        same = [model for model in by_name.values() if model.id.lower().endswith("/" + name.lower())]
        if len({model.id for model in same}) > 1:
            raise CommandFailed(f'"{name}" may be {_listed(same)}.', code=NOT_FOUND)
    same.sort(key=lambda model: (not model.enabled, model.state != "running"))
    return same[0] if same else None


def _aliased(name: str, status: JsonAnswer, served: list[OfferedModel]) -> OfferedModel | None:
    """As the gateway would answer for the alias, with the facts of the model that it stands for."""
    gateway = status.get("gateway") or {}
    alias = next((each for each in gateway.get("aliases", ()) if each["name"] == name), None)
    if alias is None:
        return None
    if not gateway.get("enabled"):
        raise CommandFailed(f'"{name}" is an alias of the gateway, which is off: main.py gateway on', code=CONFLICT)
    if (meant := _named(alias["model"], served)) is None:
        raise CommandFailed(f'No device serves {alias["model"]}, which "{name}" stands for.', code=NOT_FOUND)
    return OfferedModel(**{**vars(meant), "name": name, "port": gateway["port"]})


async def _unknown(backend: AdminBackend, name: str, served: list[OfferedModel]) -> CommandFailed:
    local = [model["id"] for model in await backend.models()]
    same = [each for each in local if each == name or each.lower().endswith("/" + name.lower())]
    if same:
        advice = f"No device serves {same[0]} yet: main.py assign {same[0]} gpu"
    else:
        offered = f" Served: {_listed(served)}." if served else ""
        advice = f'There is no model "{name}" on this machine: main.py search WORDS, then main.py pull MODEL.{offered}'
    return CommandFailed(advice, code=NOT_FOUND)


def _listed(models: Iterable[OfferedModel]) -> str:
    return ", ".join(model.name for model in models)


def _context(device: JsonAnswer, model: JsonAnswer) -> int | None:
    used = (device.get("hardware") or {}).get("used") or device["requested"]
    return usable_context(used, model.get("context_length"), model["assignment"].get("max_prompt_len"))


def _served(device: JsonAnswer, model: JsonAnswer) -> OfferedModel:
    fitness = model.get("fitness") or {}
    return OfferedModel(
        name=model.get("public_id") or f"{device['name']}-{model['id']}",
        id=model["id"],
        device=device["name"],
        port=device["port"],
        state=device["state"],
        enabled=device["enabled"],
        abilities=tuple(model.get("abilities") or ()),
        context=_context(device, model),
        level=fitness.get("level"),
        needed=fitness.get("needed"),
        budget=fitness.get("budget"),
    )
