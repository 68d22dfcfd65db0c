"""How long a model stays: keep_alive in its forms, as /api/ps and the process list show it."""

import datetime
from collections.abc import Iterator

import pytest

from tests.helpers import wait_until
from tests.support.launch import DeviceProcess, demo_model, device_process


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    with device_process(tmp_path_factory.mktemp("mortal"), models=[demo_model()]) as server:
        yield server


def _ask(server: DeviceProcess, keep_alive: float | str) -> None:
    options = {"num_predict": 2}
    body = {"model": server.model, "prompt": "hi", "stream": False, "keep_alive": keep_alive, "options": options}
    assert server.post("/api/generate", body).status_code == 200


def _remaining(server: DeviceProcess) -> float:
    (running,) = server.get("/api/ps")["models"]
    expiry = datetime.datetime.fromisoformat(running["expires_at"].replace("Z", "+00:00"))
    return (expiry - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


@pytest.mark.parametrize("keep_alive", [0, "0", "2s", "1ms"])
def test_a_short_life_ends(mortal: DeviceProcess, keep_alive: float | str) -> None:
    _ask(mortal, keep_alive)
    wait_until(lambda: not mortal.workers())
    assert mortal.get("/api/ps")["models"] == []


@pytest.mark.parametrize(("keep_alive", "seconds"), [(300, 300), ("5m", 300), ("1h30m", 5400)])
def test_a_long_life_is_shown(mortal: DeviceProcess, keep_alive: float | str, seconds: float) -> None:
    _ask(mortal, keep_alive)
    assert seconds - 30 < _remaining(mortal) <= seconds
    assert len(mortal.workers()) == 1


@pytest.mark.parametrize("keep_alive", [-1, "-1s"])
def test_a_negative_one_never_ends(mortal: DeviceProcess, keep_alive: float | str) -> None:
    _ask(mortal, keep_alive)
    assert _remaining(mortal) > 365 * 24 * 3600
    assert len(mortal.workers()) == 1


def test_nonsense_is_refused(mortal: DeviceProcess) -> None:
    answer = mortal.post("/api/generate", {"model": mortal.model, "prompt": "x", "keep_alive": "soon"})
    assert answer.status_code == 400
    assert "keep_alive" in answer.json()["error"]
