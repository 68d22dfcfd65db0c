"""What can go wrong between a user, the hub and the models directory: each error with a status and a sentence."""

from __future__ import annotations

from typing import Any

import humanize

from notices import Notice
from web.errors import ServiceError


class RegistryError(ServiceError):
    """code: the class's name unless it says another. details: what a page may want beside the sentence (a link, byte
    counts)."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details

    def __init_subclass__(cls) -> None:
        cls.code = cls.__dict__.get("code", cls.__name__)


class LocalModelNotFound(RegistryError):
    code = "ModelNotFound"
    status = 404


class RevisionNotFound(RegistryError):
    status = 404


class JobNotFound(RegistryError):
    status = 404


class InvalidModelName(RegistryError):
    status = 400


class GatedModel(RegistryError):
    """details: license_url, the page on which access is asked for."""

    status = 403


class NotAnOpenVINOModel(RegistryError):
    status = 422


class UnsupportedModel(RegistryError):
    """A model of a kind that is not served."""

    status = 422


class UnsafeRepository(RegistryError):
    status = 422


class NotEnoughDisk(RegistryError):
    """details: needed_bytes, free_bytes."""

    status = 507

    @classmethod
    def of(cls, needed: int, free: int) -> NotEnoughDisk:
        text = Notice("notices.disk_full", needed=humanize.naturalsize(needed), free=humanize.naturalsize(free))
        return cls(text, needed_bytes=needed, free_bytes=free)


class ModelInUse(RegistryError):
    """details: in_use_by, the names of the devices."""

    status = 409


class RegistryConflict(RegistryError):
    """The request and the present state of a job or directory do not go together."""

    code = "Conflict"
    status = 409


class PulledElsewhere(RegistryError):
    """Another process writes to the same unfinished download."""

    status = 409


class HubUnreachable(RegistryError):
    status = 502


class DownloadFailed(RegistryError):
    status = 502


def error_named(name: str, message: str, details: dict[str, Any]) -> RegistryError:
    """The error a child process reported, as an exception again."""
    kinds = {kind.code: kind for kind in RegistryError.__subclasses__()}
    return kinds.get(name, DownloadFailed)(message, **details)
