"""Who answers: the admin server that is named, the one that runs on the data directory, or this process."""

from __future__ import annotations

from pathlib import Path

from commands.backend import House
from commands.errors import UNREACHABLE, CommandFailed
from supervision.run_file import read_run_file


async def find_house(data_dir: Path, url: str | None) -> House:
    """Raises `CommandFailed` where a named server does not answer."""
    from commands.remote import RemoteHouse

    running = read_run_file(data_dir)
    if url is not None:
        if running is None or running.url != url.rstrip("/"):
            return RemoteHouse(url.rstrip("/"))
        return RemoteHouse(running.url, key=running.key, certificate=running.certificate)
    if running is not None:
        house = RemoteHouse(running.url, key=running.key, certificate=running.certificate)
        try:
            await house.greet()
        except CommandFailed as error:
            await house.close()
            if error.code != UNREACHABLE:
                raise
        else:
            return house
    from commands.local import LocalHouse

    return LocalHouse(data_dir)
