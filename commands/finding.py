"""Who answers: the admin server that is named, the one that runs on the data directory, or this process."""

from __future__ import annotations

from pathlib import Path

from commands.backend import AdminBackend
from supervision.run_file import read_run_file


async def find_backend(data_dir: Path, url: str | None) -> AdminBackend:
    """Raises `AdministrationError` where the server that runs refuses."""
    from administration.errors import AdministrationError
    from commands.remote import RemoteBackend

    running = read_run_file(data_dir)
    if url is not None:
        if running is None or running.url != url.rstrip("/"):
            return RemoteBackend(url.rstrip("/"))
        return RemoteBackend(running.url, key=running.key, certificate=running.certificate)
    if running is not None:
        backend = RemoteBackend(running.url, key=running.key, certificate=running.certificate)
        try:
            await backend.greet()
        except AdministrationError as error:
            await backend.close()
            if error.kind != "admin_unreachable":
                raise
        else:
            return backend
    from commands.local import OfflineBackend

    return OfflineBackend(data_dir)
