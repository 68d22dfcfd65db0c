"""What the Connect and Gateway screens show of clients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from admin.live.views import DeviceCard, ModelChoice, Snapshot
from clients.agents import AGENTS
from clients.fitness import unfit, usable_context
from clients.places import Places
from clients.recipes import ConnectModel, Recipe, Way, recipes
from clients.written import FOLDER, WrittenClient


def served_models(snapshot: Snapshot) -> list[ConnectModel]:
    """What enabled devices offer, in the configuration's order."""
    return [_connected(card, model) for card in snapshot.devices if card.enabled for model in card.assigned]


def gateway_recipes(snapshot: Snapshot, way: Way) -> list[Recipe]:
    """How all models are reached at one address, shown with the first name there is."""
    models = served_models(snapshot)
    if not models:
        return []
    first = next((model for model in models if model.chats), models[0])
    name = next((alias.name for alias in snapshot.gateway.aliases), first.bare_id)
    wanted = ("curl", "python", "ollama", "claude")
    return [each for each in recipes(replace(first, public_id=name), way) if each.name in wanted]


@dataclass(frozen=True)
class ConnectClient:
    """A client that `launch` knows, for the model that is chosen. `file`: the one that would be written; `writable`: by
    who looks at the page; `written`: the model that it is configured for."""

    name: str
    title: str
    unfit: tuple[str, ...]
    file: str
    writable: bool
    written: str | None


def clients_of(model: ConnectModel, way: Way, data_dir: Path, *, here: bool) -> dict[str, ConnectClient]:
    """By name. `here`: the page is looked at on this machine, whose files they are."""
    found = {}
    for agent in AGENTS.values():
        files = agent.files(way.target(model), Places.of_this_user())
        record = WrittenClient(data_dir / FOLDER / agent.name).record() if here else None
        reasons = unfit(agent, model.public_id, abilities=model.abilities, context=model.context, level=model.level)
        found[agent.name] = ConnectClient(
            agent.name,
            agent.title,
            tuple(reasons),
            ", ".join(str(file.path) for file in files),
            bool(files) and here and not way.needs_key,
            record.model if record else None,
        )
    return found


def _connected(card: DeviceCard, model: ModelChoice) -> ConnectModel:
    limit = model.assignment.max_prompt_len if model.assignment else None
    return ConnectModel(
        model.public_id,
        model.id,
        card.name,
        card.port,
        card.state == "running",
        model.abilities,
        usable_context(card.kind, model.context_length, limit),
        model.fitness.level if model.fitness else None,
    )
