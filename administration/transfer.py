"""The configuration as one document: to keep, or to take to another machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from administration.errors import AdministrationError
from administration.places import check_places
from configuration.device_config import Configuration, DeviceSettings, ModelAssignment, parse_configuration
from configuration.gateway_config import GatewaySettings
from model_registry import ModelRegistry
from registry.assigning import new_assignment
from registry.names import directory_name

FORMAT = "openvino-multi-model-server"


class ConfigurationDocument(BaseModel):
    """Devices with their models and aliases, and the gateway; no keys, tokens or models. `devices` as in
    `device_config.json`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["openvino-multi-model-server"] = FORMAT
    version: Literal[1] = 1
    devices: dict[str, Any]
    gateway: dict[str, Any] | None = None


def exported(configuration: Configuration, gateway: GatewaySettings) -> ConfigurationDocument:
    return ConfigurationDocument(
        devices=json.loads(configuration.to_json()),
        gateway=gateway.model_dump(mode="json"),
    )


def imported_devices(
    document: ConfigurationDocument, before: Configuration, registry: ModelRegistry, data_dir: Path
) -> Configuration:
    """The devices of a document, with the places of this machine. Models that are not here yet stay assigned. Raises
    `ConfigError`, and `AdministrationError` for a place outside of the data directory."""
    wanted = parse_configuration(json.dumps(document.devices, ensure_ascii=False), Path("import.json"))
    local = {model.id: model for model in registry.local_models()}

    def at_home(device: str, model: ModelAssignment) -> ModelAssignment:
        known = next((each for each in _models(before, device) if each.id == model.id), None)
        if model.id in local:
            path = new_assignment(local[model.id], data_dir).path
        else:
            path = known.path if known else f"models/{directory_name(model.id)}"
        check_places({"extra_config": model.extra_config}, known or ModelAssignment(id=model.id, path=path), data_dir)
        return model.model_copy(update={"path": path})

    devices = {
        name: settings.model_copy(update={"models": [at_home(name, model) for model in settings.models]})
        for name, settings in wanted.devices.items()
    }
    return wanted.model_copy(update={"devices": devices})


def imported_gateway(document: ConfigurationDocument) -> GatewaySettings | None:
    """Raises `AdministrationError`."""
    if document.gateway is None:
        return None
    try:
        return GatewaySettings.model_validate(document.gateway)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, ("gateway", *first["loc"])))
        raise AdministrationError(422, "import_invalid", problem=f"{field}: {first['msg']}") from error


def _models(configuration: Configuration, device: str) -> list[ModelAssignment]:
    settings: DeviceSettings | None = configuration.devices.get(device)
    return settings.models if settings else []
