"""What a command ends with when it does not succeed: a sentence and an exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

FAILED, USAGE, NOT_FOUND, CONFLICT, UNREACHABLE, FORBIDDEN, DISK_FULL, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130

_CODES = {
    "ModelNotFound": NOT_FOUND,
    "RevisionNotFound": NOT_FOUND,
    "JobNotFound": NOT_FOUND,
    "unknown_device": NOT_FOUND,
    "not_found": NOT_FOUND,
    "ModelInUse": CONFLICT,
    "Conflict": CONFLICT,
    "config_broken": CONFLICT,
    "keys_unreadable": CONFLICT,
    "invalid_request": USAGE,
    "invalid_key_name": USAGE,
    "admin_unreachable": UNREACHABLE,
    "HubUnreachable": UNREACHABLE,
    "DownloadFailed": UNREACHABLE,
    "GatedModel": FORBIDDEN,
    "NotEnoughDisk": DISK_FULL,
    "ConverterUnavailable": UNREACHABLE,
    "InvalidModelName": USAGE,
}
_CODES_OF_STATUS = {404: NOT_FOUND, 409: CONFLICT}


class CommandFailed(Exception):
    """`kind` is the error's type on the admin's wire; it decides the exit code."""

    def __init__(self, message: str, kind: str = "", *, code: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = _CODES.get(kind, FAILED) if code is None else code


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """The errors of the layers below, as a command's."""
    from administration.errors import PROBLEMS, explain

    try:
        yield
    except PROBLEMS as error:
        problem = explain(error)
        code = _CODES.get(problem.kind, _CODES_OF_STATUS.get(problem.status))
        raise CommandFailed(problem.english, problem.kind, code=code) from error
    except OSError as error:
        raise CommandFailed(str(error)) from error
