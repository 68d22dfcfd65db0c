"""What clients may call a model: the public id `{device}-{id}` or the bare id, the same with an alias of it, each also
with Ollama's `:latest`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from activity.request_log import note_model
from apis.forwarded import forwarded_alias
from configuration.device_config import ModelAlias
from configuration.sampling import sampling_params
from pools.errors import ModelNotFound
from pools.served_model import ModelDefaults, ServedModel

_LATEST = ":latest"


class ModelNames:
    """The models of one device by name. `other_ports` maps the other devices' names to their ports."""

    def __init__(
        self,
        device: str,
        models: Iterable[ServedModel],
        other_ports: Mapping[str, int],
        aliases: Mapping[str, ModelAlias] | None = None,
    ) -> None:
        self.models = {model.id: model for model in models}
        self.aliases = dict(aliases or {})
        self._device = device
        self._other_ports = other_ports

    def listed(self) -> list[ServedModel]:
        """Every model, then every alias of one; not what is of a kind that is never served."""
        served = {id: model for id, model in self.models.items() if not model.facts.unsupported}
        aliases = [self._alias(name) for name, alias in self.aliases.items() if alias.model in served]
        return [*served.values(), *aliases]

    def resolve(self, name: str) -> ServedModel:
        """The model that `name` means. Raises `ModelNotFound` with the right port or the names there are."""
        forwarded = forwarded_alias(name)
        if forwarded is not None:
            model = self.resolve(forwarded.model)
            defaults = model.model_defaults
            model_defaults = replace(
                defaults,
                system=forwarded.system or defaults.system,
                sampling=forwarded.sampling.over(defaults.sampling),
            )
            return replace(model, public_id=name, model_defaults=model_defaults)
        note_model(name)
        bare = self.bare(name)
        if bare in self.models:
            return self.models[bare]
        if bare in self.aliases and self.aliases[bare].model in self.models:
            return self._alias(bare)
        if (model := self._gguf(bare)) is not None:
            return model
        raise ModelNotFound(self._explain(name, name.removesuffix(_LATEST)), param="model")

    def bare(self, name: str) -> str:
        """`name` without this device's prefix and without `:latest`, whether it is known or not."""
        bare = name.removesuffix(_LATEST)
        if bare in self.models or bare in self.aliases:
            return bare
        return bare.removeprefix(f"{self._device}-")

    def _gguf(self, name: str) -> ServedModel | None:
        """`organisation/name:Q4_K_M`, where that is the quantisation of the file that is here."""
        base, _, tag = name.partition(":")
        model = self.models.get(base)
        quantization = model.facts.quantization if model and model.facts.kind == "gguf" else None
        return model if quantization is not None and tag.lower() == quantization.lower() else None

    def _alias(self, name: str) -> ServedModel:
        alias = self.aliases[name]
        model = self.models[alias.model]
        sampling = sampling_params(alias.parameters).over(model.model_defaults.sampling)
        model_defaults = ModelDefaults(alias.system or model.model_defaults.system, alias.template, sampling)
        return replace(model, public_id=f"{self._device}-{name}", model_defaults=model_defaults)

    def _explain(self, name: str, bare: str) -> str:
        for device, port in self._other_ports.items():
            if bare.startswith(f"{device}-"):
                return (
                    f"model '{name}' not found: '{device}-' models are served on port {port}, this is {self._device}."
                )
        known = ", ".join(f"'{model.public_id}'" for model in self.listed())
        return f"model '{name}' not found. This device serves {known or 'no model yet: assign one on the admin page'}."
