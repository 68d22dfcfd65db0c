"""The names that models have besides their own, and what becomes of them when a model is no longer offered.

A device's aliases share the instances of a model there and go with it. An alias of the gateway may have further models
to fall back on; one that would have none left is worth a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from configuration.gateway_config import GatewayAlias, GatewaySettings
from configuration.schema import Configuration, DeviceSettings, ModelAssignment

_LATEST = ":latest"


def with_models(settings: DeviceSettings, models: list[ModelAssignment]) -> DeviceSettings:
    """The device with this selection, without the aliases of models that have left it."""
    left = {model.id for model in settings.models} - {model.id for model in models}
    aliases = {name: alias for name, alias in settings.aliases.items() if alias.model not in left}
    return settings.model_copy(update={"models": models, "aliases": aliases})


def without_model(settings: DeviceSettings, model_id: str) -> DeviceSettings:
    return with_models(settings, [model for model in settings.models if model.id != model_id])


def offered_names(configuration: Configuration) -> frozenset[str]:
    """What an alias of the gateway can stand for: models and aliases of devices, with the device's prefix or bare."""
    names: set[str] = set()
    for device, settings in configuration.devices.items():
        own = {*(model.id for model in settings.models), *settings.aliases}
        names |= own | {f"{device}-{name}" for name in own}
    return frozenset(names)


def unknown_targets(configuration: Configuration, alias: GatewayAlias) -> list[str]:
    """Those of an alias's models that no device offers. A GGUF file may be called by its quantisation too."""
    offered = offered_names(configuration)
    targets = [alias.model, *alias.fallback]
    return [each for each in targets if each not in offered and each.partition(":")[0] not in offered]


def names_of_model(configuration: Configuration, model_id: str) -> frozenset[str]:
    return frozenset({model_id, *(f"{device}-{model_id}" for device in configuration.devices)})


def without_targets(settings: GatewaySettings, lost: Set[str]) -> GatewaySettings:
    """The gateway whose aliases no longer name what is lost; one that is left without a model is gone."""
    aliases: dict[str, GatewayAlias] = {}
    for name, alias in settings.aliases.items():
        before = [alias.model, *alias.fallback]
        targets = [target for target in before if target.removesuffix(_LATEST) not in lost]
        if targets == before:
            aliases[name] = alias
        elif targets:
            aliases[name] = alias.model_copy(update={"model": targets[0], "fallback": targets[1:]})
    return with_aliases(settings, aliases)


def with_aliases(settings: GatewaySettings, aliases: Mapping[str, GatewayAlias]) -> GatewaySettings:
    return settings.model_copy(update={"aliases": dict(aliases)})


def without_alias(settings: GatewaySettings, name: str) -> GatewaySettings:
    return with_aliases(settings, {each: alias for each, alias in settings.aliases.items() if each != name})
