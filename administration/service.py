"""One service for whatever changes a data directory: its devices and models, the gateway, the keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from administration.aliases import unknown_targets, with_aliases, without_alias
from administration.assignments import Assignments, Settings
from administration.conversions import convert_here
from administration.errors import AdministrationError, check_parameters
from administration.pulls import JobState, pull_here
from administration.purposes import PurposeCandidate, by_purpose
from administration.ranges import check_sampling
from clients.fitness import usable_context
from configuration.device_config import ConfigStore, Configuration, DeviceSettings
from configuration.gateway_config import GATEWAY_FILE, GatewayAlias, GatewaySettings, GatewayStore
from configuration.server_config import ServerConfig
from conversion.conversions import Conversions
from conversion.jobs import ConversionRequest
from conversion.toolchain import Converter
from keys.access import Access
from keys.key import SCOPES, Key, KeyScope
from keys.key_store import KEYS_FILE, KeyStore
from model_registry import ModelRegistry
from supervision.suite import Suite

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.3


class Administration:
    """`suite` None: no admin server runs, a change holds from the next start on. `access`, `server_config`: who may ask
    the admin server; left out where it does not run.

    Every method raises what `administration.errors.PROBLEMS` lists, and OSError where a file cannot be written.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        store: ConfigStore,
        registry: ModelRegistry,
        suite: Suite | None = None,
        access: Access | None = None,
        server_config: ServerConfig | None = None,
        conversions: Conversions | None = None,
    ) -> None:
        self.store = store
        self.registry = registry
        self.conversions = conversions or Conversions(registry, Converter(data_dir))
        self.gateway = suite.gateway_store if suite else GatewayStore(data_dir / GATEWAY_FILE)
        self.access = access or Access(KeyStore(data_dir / KEYS_FILE))
        self._server_config = server_config
        self._suite = suite
        self._applying: set[asyncio.Task[None]] = set()
        self.assignments = Assignments(
            store=store,
            gateway=self.gateway,
            registry=registry,
            data_dir=data_dir,
            limit_of=lambda device: report.limit_bytes if suite and (report := suite.memory(device)) else None,
        )

    async def update_device(
        self,
        device: str,
        *,
        enabled: bool | None = None,
        models: Mapping[str, Settings] | None = None,
        limits: Settings | None = None,
    ) -> DeviceSettings:
        """See `Assignments.update`. The device's server then begins to start, restart or stop to match."""
        changes: dict[str, Any] = {"enabled": enabled, "models": models, "limits": limits}
        return await self._applied(device, lambda: self.assignments.update(device, **changes))

    async def assign(self, model_id: str, device: str, settings: Settings) -> DeviceSettings:
        return await self._applied(device, lambda: self.assignments.assign(model_id, device, settings))

    async def unassign(self, model_id: str, device: str) -> DeviceSettings:
        return await self._applied(device, lambda: self.assignments.unassign(model_id, device))

    async def remove(self, model_id: str, *, force: bool = False) -> None:
        """Delete a model of this machine that no device offers. `force`: take it off its devices first; their servers
        finish what they are answering before the files go."""
        users = await asyncio.to_thread(self.assignments.take_off, model_id, force=force)
        if self._suite is not None:
            await asyncio.gather(*(self._suite.apply(device) for device in users))
        await asyncio.to_thread(self._delete, model_id)

    def pull(self, model_id: str, revision: str | None = None) -> AsyncGenerator[JobState, None]:
        """Pull in this process and follow."""
        return pull_here(self.registry, model_id, revision)

    def convert(self, request: ConversionRequest) -> AsyncGenerator[JobState, None]:
        """Convert in this process and follow."""
        return convert_here(self.conversions, request)

    async def replace_configuration(self, devices: Configuration, gateway: GatewaySettings | None) -> None:
        """Put another configuration in the place of the present one and have every server match it. `gateway` None: it
        stays as it is."""
        before = await asyncio.to_thread(self.store.load)
        if gateway is not None:
            self._check_exposure(gateway.host)
        await asyncio.to_thread(self.store.change, lambda _: devices)
        if gateway is not None:
            await self._change_gateway(lambda _: gateway)
        if self._suite is not None:
            for name in dict.fromkeys([*before.devices, *devices.devices]):
                if before.devices.get(name) != devices.devices.get(name):
                    await self._begin(self._suite.apply(name), f"apply {name}")

    async def change_gateway(self, changes: Mapping[str, Any]) -> GatewaySettings:
        """Switch it, or give it another address."""
        self._check_exposure(changes.get("host", self.gateway.current().host))
        return await self._change_gateway(lambda before: before.model_copy(update=dict(changes)))

    async def set_alias(self, name: str, alias: GatewayAlias) -> GatewaySettings:
        parameters = {key: value for key, value in alias.parameters.items() if value is not None}
        check_parameters(parameters)
        check_sampling(parameters)
        alias = alias.model_copy(update={"parameters": parameters})
        if unknown := await asyncio.to_thread(lambda: unknown_targets(self.store.current(), alias)):
            raise AdministrationError(422, "alias_unknown_model", models=", ".join(unknown))
        return await self._change_gateway(lambda before: with_aliases(before, {**before.aliases, name: alias}))

    async def remove_alias(self, name: str) -> GatewaySettings:
        if name not in self.gateway.current().aliases:
            raise AdministrationError(404, "unknown_alias", name=name)
        return await self._change_gateway(lambda before: without_alias(before, name))

    async def set_purposes(self, *, replace: bool = False, dry_run: bool = False) -> dict[str, str]:
        """Model IDs by purpose, as chosen from what is served now; the gateway gets them as aliases. `replace`: also
        those that there are already, whoever made them."""
        chosen = by_purpose(await asyncio.to_thread(self._candidates))
        known = self.gateway.current().aliases
        new = {name: GatewayAlias(model=model) for name, model in chosen.items() if replace or name not in known}
        if new and not dry_run:
            await self._change_gateway(lambda before: with_aliases(before, {**before.aliases, **new}))
        return chosen

    def _candidates(self) -> list[PurposeCandidate]:
        facts = {model.id: model.facts for model in self.registry.local_models()}
        return [
            PurposeCandidate(
                model.id,
                facts[model.id].abilities,
                facts[model.id].size_bytes,
                facts[model.id].parameters,
                usable_context(settings.device, facts[model.id].context_length, model.max_prompt_len),
            )
            for settings in self.store.current().devices.values()
            if settings.enabled
            for model in settings.models
            if model.id in facts
        ]

    async def create_key(self, name: str, scopes: Sequence[KeyScope] = ()) -> tuple[Key, str]:
        """A key and its secret. `scopes` left out: the first key may do everything, since one must be able to manage
        the others."""
        store = self.access.store
        return await asyncio.to_thread(lambda: store.create(name, scopes or default_scopes(bool(store.all()))))

    async def revoke_key(self, id_or_name: str) -> Key:
        return await asyncio.to_thread(self.access.store.revoke, id_or_name, keep_an_admin=self.access.always)

    def _check_exposure(self, host: str) -> None:
        if self._server_config and self._server_config.exposed(host) and not self.access.store.all():
            raise AdministrationError(409, "gateway_needs_key", host=host)

    def _delete(self, model_id: str) -> None:
        self.registry.remove(model_id, in_use_by=self.assignments.users(model_id))

    async def _applied(self, device: str, change: Callable[[], DeviceSettings]) -> DeviceSettings:
        settings = await asyncio.to_thread(change)
        if self._suite is not None:
            await self._begin(self._suite.apply(device), f"apply {device}")
        return settings

    async def _change_gateway(self, change: Callable[[GatewaySettings], GatewaySettings]) -> GatewaySettings:
        settings = await asyncio.to_thread(self.gateway.change, change)
        if self._suite is not None:
            await self._begin(self._suite.apply_gateway(), "apply gateway")
        return settings

    async def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._applying.add(task)
        task.add_done_callback(self._ended)
        # The old process may take its time to finish what it is answering; the state tells how far it is.
        await asyncio.wait({task}, timeout=ANSWER_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._applying.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("cannot %s: %s", task.get_name(), error, exc_info=error)


def default_scopes(others: bool) -> tuple[KeyScope, ...]:
    return ("inference",) if others else SCOPES
