"""Which device answers for a name: a device's prefix says it, an alias says it, or the better one is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from administration.aliases import without_alias
from apis.forwarded import ForwardedAlias
from configuration.gateway_config import GatewayAlias, GatewayProblem, GatewayStore
from configuration.sampling import sampling_params
from configuration.tuning_store import Tuning, TuningStore
from gateway.device import UpstreamDevice
from gateway.device_inventory import DeviceInventory
from gateway.errors import NoDevice
from pools.errors import ModelNotFound
from web.errors import InvalidRequest

_LATEST = ":latest"
_KINDS = ("GPU", "CPU", "NPU")
"""Where a model that no device has yet is likely to run well: an NPU supports the fewest kinds of models."""


@dataclass(frozen=True)
class RouteTarget:
    """A device to ask. `model`: the id, there, of the model that will work, where it is known."""

    device: UpstreamDevice
    model: str = ""
    alias: ForwardedAlias | None = None

    @property
    def busy(self) -> bool:
        return bool(self.model) and self.device.busy(self.model)


class ModelRouter:
    """`store` has the aliases, `book` the speeds that tuning found; where there is none of these there is nothing."""

    def __init__(
        self, inventory: DeviceInventory, store: GatewayStore | None = None, book: TuningStore | None = None
    ) -> None:
        self._inventory = inventory
        self._store = store
        self._book = book
        self._tunings: tuple[Tuning, ...] = ()
        self._tuned: dict[tuple[str, str], float] = {}

    @property
    def aliases(self) -> dict[str, GatewayAlias]:
        return self._store.current().aliases if self._store else {}

    def alias(self, name: str) -> str | None:
        """The alias of the gateway that is meant."""
        bare = name.removesuffix(_LATEST)
        return bare if bare in self.aliases else None

    def remove_alias(self, name: str) -> None:
        """Blocks for a write to the disk. Raises `InvalidRequest`."""
        assert self._store is not None  # whose alias it is
        try:
            self._store.change(lambda before: without_alias(before, name))
        except GatewayProblem as problem:
            raise InvalidRequest(str(problem)) from problem

    def targets(self, name: str) -> list[RouteTarget]:
        """Whom to ask for a model, the best first. Raises `ModelNotFound`."""
        alias = self.alias(name)
        if alias is None:
            if found := list(self._offering(name)):
                return sorted((RouteTarget(*each) for each in found), key=self._rank)
            raise ModelNotFound(self._explain(name), param="model")
        meant = self.aliases[alias]
        sampling = sampling_params(meant.parameters)
        chain: list[RouteTarget] = []
        for model in (meant.model, *meant.fallback):
            offers = [
                RouteTarget(
                    device,
                    model_id,
                    ForwardedAlias(name, f"{device.name}-{_bare(device, model)}", meant.system, sampling),
                )
                for device, model_id in self._offering(model)
            ]
            chain += sorted(offers, key=self._rank)
        if not chain:
            raise ModelNotFound(
                f"The alias '{alias}' stands for '{meant.model}', which no device offers now.", param="model"
            )
        return sorted(chain, key=lambda target: (not target.device.reachable, target.busy))

    def anyone(self) -> list[RouteTarget]:
        """For what any device answers alike. Raises `NoDevice`."""
        devices = self._inventory.devices()
        if not devices:
            raise NoDevice("No device is switched on with a model: assign one on the admin page.", retry_after=10)
        return [RouteTarget(device) for device in sorted(devices, key=lambda device: not device.reachable)]

    def for_pull(self, name: str) -> list[RouteTarget]:
        """The device that is named, else the one that has the model, else a GPU before a CPU before an NPU, and of the
        same kind the one with more memory left. Raises `NoDevice` and `InvalidRequest`."""
        if self.alias(name):
            raise InvalidRequest(f"'{name}' is an alias of the gateway: pull the model that it stands for.")
        clean = name.removesuffix(_LATEST)
        device = next((each for each in self._inventory.devices() if clean.startswith(f"{each.name}-")), None)
        if device is not None:
            return [RouteTarget(device)]
        for resting in self._inventory.resting():
            if clean.startswith(f"{resting}-"):
                raise NoDevice(
                    f"{resting} is switched off or has no model, so its server does not run: assign one on the page."
                )
        if found := list(self._offering(name)):
            return sorted((RouteTarget(*each) for each in found), key=self._rank)
        return sorted(
            self.anyone(),
            key=lambda target: (
                not target.device.reachable,
                _KINDS.index(kind) if (kind := target.device.kind.partition(".")[0]) in _KINDS else len(_KINDS),
                -target.device.available_bytes,
            ),
        )

    def _offering(self, name: str) -> Iterator[tuple[UpstreamDevice, str]]:
        clean = name.removesuffix(_LATEST)
        devices = self._inventory.devices()
        for device in devices:
            prefix = f"{device.name}-"
            if clean.startswith(prefix) and (model := device.model_of(clean.removeprefix(prefix))):
                yield device, model
                return
        for device in devices:
            if model := device.model_of(clean):
                yield device, model

    def _rank(self, target: RouteTarget) -> tuple[bool, bool, bool, bool, float]:
        device, model = target.device, target.model
        loaded = device.report(model).loaded
        return not device.reachable, not loaded, target.busy, not device.has_room(model), -self._speed(device, model)

    def _speed(self, device: UpstreamDevice, model: str) -> float:
        """Tokens per second: as its answers had them lately, else as tuning found, else unknown."""
        if speed := device.report(model).speed:
            return speed
        if self._book and (tunings := self._book.all()) is not self._tunings:
            self._tunings = tunings
            self._tuned = {
                (each.model, each.device): max(trial.tokens_per_second for trial in each.trials)
                for each in tunings
                if each.trials
            }
        return self._tuned.get((model, device.hardware or ""), 0.0)

    def _explain(self, name: str) -> str:
        clean = name.removesuffix(_LATEST)
        for resting in self._inventory.resting():
            if clean.startswith(f"{resting}-"):
                return f"model '{name}' not found: {resting} is switched off or has no model."
        models = [f"{each.name}-{model.id}" for each in self._inventory.devices() for model in each.settings.models]
        known = ", ".join(f"'{each}'" for each in (*self.aliases, *models))
        return f"model '{name}' not found. Served here: {known or 'no model yet, assign one on the admin page'}."


def _bare(device: UpstreamDevice, model: str) -> str:
    return model.removesuffix(_LATEST).removeprefix(f"{device.name}-")
