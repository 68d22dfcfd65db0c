"""What the suite does when its processes are killed."""

import psutil
import pytest

from tests.helpers import PATIENCE, gone, wait_until
from tests.reliability.scenarios.applying import apply_under_load
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import SuiteProcess


@pytest.fixture
def serving(suite: SuiteProcess) -> SuiteProcess:
    """The suite with the model on the GPU's server, which has answered once."""
    suite.assign("gpu", [DEMO_ID])
    wait_until(lambda: suite.device("gpu")["state"] == "running")
    assert suite.chat("gpu", DEMO_ID, "hello").status_code == 200
    return suite


def _family(suite: SuiteProcess) -> list[psutil.Process]:
    return psutil.Process(suite.process.pid).children(recursive=True)


def test_no_process_outlives_a_killed_admin(serving: SuiteProcess) -> None:
    family = _family(serving)
    assert len(family) >= 2  # the GPU's server and its worker
    psutil.Process(serving.process.pid).kill()
    for process in family:
        wait_until(lambda process=process: gone(process.pid))


def test_a_killed_device_server_is_back_and_answers(serving: SuiteProcess) -> None:
    before = serving.health("gpu")["pid"]
    server = psutil.Process(before)
    server.kill()
    server.wait(PATIENCE)  # while it dies it may still accept a connection, and lose it
    answer = serving.chat("gpu", DEMO_ID, "hello")  # waits in the socket that outlives the server
    assert answer.status_code == 200
    assert serving.health("gpu")["pid"] != before
    wait_until(lambda: serving.device("gpu")["restarts"] == 1)


def test_requests_are_not_refused_while_settings_are_applied(serving: SuiteProcess) -> None:
    before = serving.health("gpu")["pid"]
    serving.assign("gpu", [DEMO_ID])
    for _ in range(5):
        assert serving.chat("gpu", DEMO_ID, "hello").status_code == 200
    wait_until(lambda: serving.health("gpu")["pid"] != before)
    assert serving.chat("gpu", DEMO_ID, "hello").status_code == 200


@pytest.mark.long
async def test_applying_under_load_breaks_nothing(serving: SuiteProcess) -> None:
    url = serving.device_url("gpu")
    result = await apply_under_load(serving.url, url, "gpu", DEMO_ID, times=2, clients=3)
    assert not result.problems
