"""No admin server runs: the command does the work itself, and keeps others out while it changes something."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from commands.backend import JsonAnswer
from commands.errors import CONFLICT, NOT_FOUND, USAGE, CommandFailed
from commands.options import DEFAULT_PORT, PROJECT
from commands.remote import FINAL
from configuration.device_config import (
    DEMO_MODEL_ID,
    ConfigError,
    ConfigStore,
    Configuration,
    DeviceSettings,
    ModelAssignment,
    default_configuration,
)
from configuration.gateway_config import GATEWAY_FILE, GatewayProblem, GatewaySettings, GatewayStore
from doctor.children import run_probe
from doctor.examination import DoctorContext, examine
from doctor.hardware import reports_of
from doctor.recommended import recommendations_for
from i18n.catalogues import Catalogues
from model_registry import LocalModel, ModelRegistry, RegistryError
from notices import as_text
from registry.assigning import new_assignment, written_path
from registry.last_use import FILE as LAST_USE_FILE
from registry.last_use import LastUse
from registry.settings import SETTINGS_FILE
from supervision.run_file import DirectoryInUse, lock_data_directory

DEMO_MODEL = PROJECT / "models" / DEMO_MODEL_ID.replace("/", "_")
_POLL_SECONDS = 0.2
_LISTING_SECONDS = 60.0


class OfflineBackend:
    running = False

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._store = ConfigStore(data_dir / "device_config.json")
        self._registry = ModelRegistry(
            data_dir / "models", bundled_dir=DEMO_MODEL, settings_file=data_dir / SETTINGS_FILE
        )

    async def close(self) -> None:
        await self._registry.stop()

    async def models(self) -> list[JsonAnswer]:
        with _explained():
            local = await asyncio.to_thread(self._registry.local_models)
            devices = self._configuration().devices
            last_use = LastUse(self._data_dir / LAST_USE_FILE)
        return [_row(model, devices, last_use.at(model.id)) for model in local]

    async def search(self, query: str) -> list[JsonAnswer]:
        with _explained():
            return [entry.as_dict() for entry in await self._registry.search(query)]

    async def recommended(self) -> list[JsonAnswer]:
        """OpenVINO lists the devices in a child, which may hang or crash instead of this process."""
        listing = await run_probe(["devices"], seconds=_LISTING_SECONDS)
        if listing.answer is None:
            raise CommandFailed(f"OpenVINO could not list the devices: {listing.reason}")
        return [msgspec.to_builtins(each, enc_hook=as_text) for each in recommendations_for(reports_of(listing))]

    async def pull(self, model_id: str, revision: str | None) -> AsyncGenerator[JsonAnswer, None]:
        with self._in_charge(), _explained():
            job = self._registry.pull(model_id, revision)
            try:
                while job.state not in FINAL:
                    yield job.as_dict()
                    await asyncio.sleep(_POLL_SECONDS)
                    job = self._registry.job(job.id)
                yield (await self._registry.settled(job.id)).as_dict()
            finally:
                if self._registry.job(job.id).active:  # what is there is kept for the next time
                    self._registry.pause(job.id)
                    await self._registry.settled(job.id)

    async def remove(self, model_id: str, *, force: bool) -> JsonAnswer:
        with self._in_charge(), _explained():
            users = [name for name, each in self._configuration().devices.items() if _offers(each, model_id)]
            if force:
                for device in users:
                    self._store.change_device(device, lambda settings: _without(settings, model_id))
                users = []
            await asyncio.to_thread(self._registry.remove, model_id, in_use_by=users)
        return {"deleted": model_id}

    async def verify(self, model_id: str) -> JsonAnswer:
        with _explained():
            verification = await self._registry.verify(model_id)
        return asdict(verification) | {"intact": verification.intact}

    async def import_folder(self, folder: Path, model_id: str | None, mode: str) -> JsonAnswer:
        with self._in_charge(), _explained():
            reference = mode == "reference"
            model = await self._registry.import_folder(
                folder, model_id=model_id, mode="reference" if reference else "copy"
            )
        return model.as_dict()

    async def assign(self, model_id: str, device: str, settings: Mapping[str, Any]) -> JsonAnswer:
        with _explained():
            if not self._store.path.exists():  # the suite was never started here
                self._store.save(default_configuration(written_path(DEMO_MODEL, self._data_dir)))
            self._check_device(device)
            model = await asyncio.to_thread(self._registry.find, model_id)
            if model.facts.problem:
                raise CommandFailed(f"{model_id} cannot be used: {model.facts.problem}", code=CONFLICT)
            assignment = new_assignment(model, self._data_dir)

            def change(before: DeviceSettings) -> DeviceSettings:
                known = next((each for each in before.models if each.id == model_id), assignment)
                changed = ModelAssignment.model_validate({**known.model_dump(), **settings})
                others = [each for each in before.models if each.id != model_id]
                return before.model_copy(update={"models": [*others, changed]})

            after = self._store.change_device(device, change)
        return {"device": _device_row(device, after.devices[device])}

    async def unassign(self, model_id: str, device: str) -> JsonAnswer:
        with _explained():
            if not _offers(self._check_device(device), model_id):
                raise CommandFailed(f"{model_id} is not assigned to {device}.", code=NOT_FOUND)
            after = self._store.change_device(device, lambda settings: _without(settings, model_id))
        return {"device": _device_row(device, after.devices[device])}

    async def status(self) -> JsonAnswer:
        with _explained():
            devices = self._configuration().devices
        rows = [_device_row(name, settings) for name, settings in devices.items()]
        return {"running": False, "devices": rows, **await self.gateway({})}

    async def gateway(self, changes: Mapping[str, Any]) -> JsonAnswer:
        store = GatewayStore(self._data_dir / GATEWAY_FILE)
        try:
            if changes:
                with self._in_charge():
                    store.change(lambda before: before.model_copy(update=dict(changes)))
            return {"gateway": _gateway_row(store.load())}
        except GatewayProblem as problem:
            raise CommandFailed(str(problem), "config_broken") from problem
        except OSError as error:
            raise CommandFailed(str(error)) from error

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

    def _check_device(self, device: str) -> DeviceSettings:
        devices = self._configuration().devices
        if device not in devices:
            known = ", ".join(devices) or "none"
            raise CommandFailed(f'There is no device "{device}"; configured devices: {known}.', "unknown_device")
        return devices[device]

    def _in_charge(self) -> contextlib.AbstractContextManager[object]:
        try:
            return lock_data_directory(self._data_dir)
        except DirectoryInUse as error:
            raise CommandFailed(f"{error} Wait until it is done, or stop it.", code=CONFLICT) from error
        except OSError as error:
            raise CommandFailed(str(error)) from error


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """The errors of the rooms below, as a command's."""
    try:
        yield
    except RegistryError as error:
        raise CommandFailed(error.message, error.code) from error
    except ConfigError as error:
        raise CommandFailed(str(error), "config_broken") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise CommandFailed(problems, code=USAGE) from error
    except OSError as error:
        raise CommandFailed(str(error)) from error


def _offers(settings: DeviceSettings, model_id: str) -> bool:
    return any(model.id == model_id for model in settings.models)


def _without(settings: DeviceSettings, model_id: str) -> DeviceSettings:
    return settings.model_copy(update={"models": [model for model in settings.models if model.id != model_id]})


def _row(model: LocalModel, devices: Mapping[str, DeviceSettings], last_used: float | None) -> JsonAnswer:
    return msgspec.to_builtins(model.described(), enc_hook=as_text) | {
        "last_used": last_used,
        "devices": [name for name, settings in devices.items() if _offers(settings, model.id)],
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
