"""What the suite does when its processes are killed."""

import psutil
import pytest

from tests.e2e.conftest import MODEL, RealSuite
from tests.helpers import gone, wait_until


@pytest.fixture
def serving(suite: RealSuite) -> RealSuite:
    """The suite with the model on the GPU's server, which has answered once."""
    suite.assign("gpu", [MODEL])
    assert suite.chat("gpu", "hello").status_code == 200
    return suite


def _family(suite: RealSuite) -> list[psutil.Process]:
    return psutil.Process(suite.pid).children(recursive=True)


def test_no_process_outlives_a_killed_admin(serving: RealSuite) -> None:
    family = _family(serving)
    assert len(family) >= 2  # the GPU's server and its worker
    psutil.Process(serving.pid).kill()
    for process in family:
        wait_until(lambda process=process: gone(process.pid))


def test_a_killed_device_server_is_back_and_answers(serving: RealSuite) -> None:
    before = serving.health("gpu")["pid"]
    psutil.Process(before).kill()
    answer = serving.chat("gpu", "hello")  # waits in the socket that outlives the server
    assert answer.status_code == 200
    assert serving.health("gpu")["pid"] != before
    wait_until(lambda: serving.device("gpu")["restarts"] == 1)


def test_requests_are_not_refused_while_settings_are_applied(serving: RealSuite) -> None:
    before = serving.health("gpu")["pid"]
    serving.assign("gpu", [MODEL], wait=False)
    for _ in range(5):
        assert serving.chat("gpu", "hello").status_code == 200
    wait_until(lambda: serving.health("gpu")["pid"] != before)
    assert serving.chat("gpu", "hello").status_code == 200
