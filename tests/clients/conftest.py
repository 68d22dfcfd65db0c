"""One device server for all clients: the demo model and an embedding model in real workers, an admin server beside it,
and a hub to pull from. Every test asks it twice: at its own address, and through the gateway. Shared by all tests of a
test process; what a test pulls has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from tests.clients.server import Entrance, RunningServer, open_server


@pytest.fixture(scope="session", params=get_args(Entrance))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with open_server(tmp_path_factory.mktemp("clients") / "資料 夾", entrance=request.param) as server:
        yield server
