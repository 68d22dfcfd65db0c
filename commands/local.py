"""No admin server runs: the command does the work itself, and keeps others out while it changes something."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from administration.service import Administration
from commands.backend import JsonAnswer, SuiteAddress
from commands.errors import CONFLICT, UNREACHABLE, CommandFailed
from commands.options import DEFAULT_PORT, PROJECT
from commands.served import NOT_RUNNING
from configuration.device_config import (
    DEMO_MODEL_ID,
    ConfigStore,
    Configuration,
    DeviceSettings,
    default_configuration,
)
from configuration.gateway_config import GatewaySettings
from conversion.jobs import ConversionRequest
from doctor.children import run_probe
from doctor.examination import DoctorContext, examine
from doctor.hardware import reports_of
from doctor.recommended import recommendations_for
from i18n.catalogues import Catalogues
from keys.key import KeyScope
from model_registry import LocalModel, ModelRegistry
from notices import as_text
from registry.assigning import written_path
from registry.last_use import FILE as LAST_USE_FILE
from registry.last_use import LastUse
from registry.settings import SETTINGS_FILE
from supervision.run_file import DirectoryInUse, lock_data_directory

DEMO_MODEL = PROJECT / "models" / DEMO_MODEL_ID.replace("/", "_")
_LISTING_SECONDS = 60.0


class OfflineBackend:
    running = False
    address: SuiteAddress | None = None

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._store = ConfigStore(data_dir / "device_config.json")
        self._registry = ModelRegistry(
            data_dir / "models", bundled_dir=DEMO_MODEL, settings_file=data_dir / SETTINGS_FILE
        )
        self._administration = Administration(data_dir, store=self._store, registry=self._registry)

    async def close(self) -> None:
        await self._administration.conversions.stop()
        await self._registry.stop()

    async def models(self) -> list[JsonAnswer]:
        local = await asyncio.to_thread(self._registry.local_models)
        devices = self._configuration().devices
        last_use = LastUse(self._data_dir / LAST_USE_FILE)
        return [_row(model, devices, last_use.at(model.id)) for model in local]

    async def search(self, query: str) -> list[JsonAnswer]:
        return [entry.as_dict() for entry in await self._registry.search(query)]

    async def recommended(self) -> list[JsonAnswer]:
        """OpenVINO lists the devices in a child, which may hang or crash instead of this process."""
        listing = await run_probe(["devices"], seconds=_LISTING_SECONDS)
        if listing.answer is None:
            raise CommandFailed(f"OpenVINO could not list the devices: {listing.reason}")
        return [msgspec.to_builtins(each, enc_hook=as_text) for each in recommendations_for(reports_of(listing))]

    async def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[JsonAnswer, None]:
        with self._in_charge():
            async with contextlib.aclosing(self._administration.pull(model_id, revision)) as states:
                async for state in states:
                    yield state

    async def convert(self, body: Mapping[str, Any]) -> AsyncGenerator[JsonAnswer, None]:
        with self._in_charge():
            request = ConversionRequest(**body)
            async with contextlib.aclosing(self._administration.convert(request)) as states:
                async for state in states:
                    yield state

    async def converter(self, *, remove: bool) -> JsonAnswer:
        conversions = self._administration.conversions
        if not remove:
            return asdict(conversions.converter.status())
        with self._in_charge():
            return {"freed_bytes": await conversions.remove_converter()}

    async def remove(self, model_id: str, *, force: bool) -> JsonAnswer:
        with self._in_charge():
            await self._administration.remove(model_id, force=force)
        return {"deleted": model_id}

    async def verify(self, model_id: str) -> JsonAnswer:
        verification = await self._registry.verify(model_id)
        return asdict(verification) | {"intact": verification.intact}

    async def import_folder(self, folder: Path, model_id: str | None, mode: str) -> JsonAnswer:
        with self._in_charge():
            reference = mode == "reference"
            model = await self._registry.import_folder(
                folder, model_id=model_id, mode="reference" if reference else "copy"
            )
        return model.as_dict()

    async def assign(self, model_id: str, device: str, settings: Mapping[str, Any]) -> JsonAnswer:
        if not self._store.path.exists():  # the suite was never started here
            self._store.save(default_configuration(written_path(DEMO_MODEL, self._data_dir)))
        return {"device": _device_row(device, await self._administration.assign(model_id, device, settings))}

    async def unassign(self, model_id: str, device: str) -> JsonAnswer:
        return {"device": _device_row(device, await self._administration.unassign(model_id, device))}

    async def status(self) -> JsonAnswer:
        rows = [_device_row(name, settings) for name, settings in self._configuration().devices.items()]
        return {"running": False, "devices": rows, **await self.gateway({})}

    async def gateway(self, changes: Mapping[str, Any]) -> JsonAnswer:
        if changes:
            with self._in_charge():
                await self._administration.change_gateway(changes)
        return {"gateway": _gateway_row(self._administration.gateway.load())}

    async def purposes(self, *, replace: bool, dry_run: bool) -> JsonAnswer:
        with contextlib.nullcontext() if dry_run else self._in_charge():
            chosen = await self._administration.set_purposes(replace=replace, dry_run=dry_run)
        return {"purposes": chosen, **await self.gateway({})}

    async def keys(self) -> list[JsonAnswer]:
        return [key.described() for key in self._administration.access.store.all()]

    async def create_key(self, name: str, scopes: Sequence[KeyScope]) -> JsonAnswer:
        key, secret = await self._administration.create_key(name, scopes)
        return {"key": key.described(), "secret": secret}

    async def revoke_key(self, id_or_name: str) -> JsonAnswer:
        return (await self._administration.revoke_key(id_or_name)).described()

    async def restart(self, name: str) -> None:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)

    async def shut_down(self) -> None:
        raise CommandFailed(NOT_RUNNING, code=UNREACHABLE)

    async def doctor(self, language: str) -> JsonAnswer:
        translator = Catalogues(PROJECT / "locales").get(language)
        assert translator is not None
        report = await examine(
            DoctorContext(
                data_dir=self._data_dir,
                store=self._store,
                demo_model=DEMO_MODEL,
                endpoint=self._registry.hub.endpoint,
                hub_kind=self._registry.hub.kind,
                free_bytes=self._registry.free_bytes(),
                admin_port=DEFAULT_PORT,
            )
        )
        return report.render(translator)

    def _configuration(self) -> Configuration:
        try:
            return self._store.load()
        except FileNotFoundError:
            return Configuration()

    def _in_charge(self) -> contextlib.AbstractContextManager[object]:
        try:
            return lock_data_directory(self._data_dir)
        except DirectoryInUse as error:
            raise CommandFailed(f"{error} Wait until it is done, or stop it.", code=CONFLICT) from error
        except OSError as error:
            raise CommandFailed(str(error)) from error


def _row(model: LocalModel, devices: Mapping[str, DeviceSettings], last_used: float | None) -> JsonAnswer:
    return msgspec.to_builtins(model.described(), enc_hook=as_text) | {
        "last_used": last_used,
        "devices": [name for name, settings in devices.items() if any(each.id == model.id for each in settings.models)],
    }


def _gateway_row(settings: GatewaySettings) -> JsonAnswer:
    """As the admin's, as far as its file tells."""
    aliases = [{"name": name, **alias.model_dump()} for name, alias in settings.aliases.items()]
    return {**settings.model_dump(), "state": "not started", "last_error": None, "aliases": aliases}


def _device_row(name: str, settings: DeviceSettings) -> JsonAnswer:
    """As the admin's, as far as the configuration tells."""
    return {
        "name": name,
        "requested": settings.device,
        "port": settings.port,
        "enabled": settings.enabled,
        "state": "not started",
        "models": [{"id": model.id, "assignment": model.model_dump(), "running": None} for model in settings.models],
    }
