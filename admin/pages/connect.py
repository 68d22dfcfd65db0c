"""What the Connect and Gateway screens show of clients."""

from __future__ import annotations

from dataclasses import replace

from admin.live.views import DeviceCard, ModelChoice, Snapshot
from clients.fitness import usable_context
from clients.recipes import ConnectModel, Recipe, Way, recipes


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
