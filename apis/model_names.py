"""What clients may call a model: the public id `{device}-{id}`, the bare id, either with Ollama's `:latest`."""

from collections.abc import Iterable, Mapping

from pools.errors import ModelNotFound
from pools.served_model import ServedModel

_LATEST = ":latest"


class ModelNames:
    """The models of one device by name. `other_ports` maps the other devices' names to their ports."""

    def __init__(self, device: str, models: Iterable[ServedModel], other_ports: Mapping[str, int]) -> None:
        self.models = {model.id: model for model in models}
        self._device = device
        self._other_ports = other_ports

    def resolve(self, name: str) -> ServedModel:
        """The model that `name` means. Raises `ModelNotFound` with the right port or the names there are."""
        bare = name.removesuffix(_LATEST)
        for candidate in (bare, bare.removeprefix(f"{self._device}-")):
            if candidate in self.models:
                return self.models[candidate]
        raise ModelNotFound(self._explain(name, bare), param="model")

    def _explain(self, name: str, bare: str) -> str:
        for device, port in self._other_ports.items():
            if bare.startswith(f"{device}-"):
                return (
                    f"model '{name}' not found: '{device}-' models are served on port {port}, this is {self._device}."
                )
        known = ", ".join(f"'{model.public_id}'" for model in self.models.values())
        return f"model '{name}' not found. This device serves {known or 'no model yet: assign one on the admin page'}."
