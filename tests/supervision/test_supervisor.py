"""Device servers as child processes: their start, their faults, their end."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from configuration.device_config import ConfigStore, Configuration
from supervision.exit_status import describe_exit
from tests.helpers import ENDED_BY_ASYNCIO, KILLED, eventually, gone, kill
from tests.supervision.conftest import CHILD, PROJECT, QUICK, StartSuite, device, edit, get, until_state
from tests.support.ports import free_port
from web.listening import close_all, open_listeners


async def test_a_device_starts_answers_and_stops(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite()
    assert suite.status("gpu").state == "starting"
    status = await until_state(suite, "running")
    assert status.pid is not None
    assert (await get(status)).json()["pid"] == status.pid
    health = suite.health("gpu")
    assert health is not None
    assert health.device == "gpu"
    assert "--config" in health.device_name
    memory = suite.memory("gpu")
    assert memory is not None
    assert memory.used_bytes == 1
    assert status.last_error is None
    assert any("正在服務" in line for line in status.last_log_lines)
    assert "正在服務" in (tmp_path / "資料 夾" / "logs" / "gpu.log").read_text(encoding="utf-8")

    await suite.stop()
    after = suite.status("gpu")
    assert (after.state, after.pid, after.exit_code) == ("disabled", None, 0)
    assert after.since >= status.since
    assert gone(status.pid)
    assert suite.health("gpu") is None
    with pytest.raises(httpx.ConnectError):
        await get(status)


async def test_both_loopback_addresses_answer(start_suite: StartSuite) -> None:
    suite = await start_suite()
    status = await until_state(suite, "running")
    probe = open_listeners("localhost", 0)
    close_all(probe)
    hosts = ["127.0.0.1", "[::1]"][: len(probe)]
    assert [(await get(status, host=host)).status_code for host in hosts] == [200] * len(hosts)


async def test_devices_without_models_or_switched_off_are_not_started(start_suite: StartSuite) -> None:
    suite = await start_suite(
        gpu=device(free_port(), enabled=False), npu=device(free_port(), models=0), cpu=device(free_port())
    )
    await until_state(suite, "running", "cpu")
    states = {status.name: (status.state, status.pid) for status in suite.statuses()}
    assert states["gpu"] == ("disabled", None)
    assert states["npu"] == ("no_models", None)
    assert [status.name for status in suite.statuses()] == ["gpu", "npu", "cpu"]


async def test_no_devices_means_none(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite(run_devices=False)
    edit(tmp_path, gpu=device(free_port(), models=2))
    await suite.apply("gpu")
    assert (suite.status("gpu").state, suite.status("gpu").pid) == ("disabled", None)


async def test_a_killed_server_comes_back_on_the_same_socket(start_suite: StartSuite) -> None:
    suite = await start_suite()
    status = await until_state(suite, "running")
    assert status.pid is not None
    kill(status.pid)
    await eventually(lambda: suite.status("gpu").restarts == 1)
    if sys.platform == "win32":  # no socket is handed over there
        await until_state(suite, "running")
    again = (await get(status)).json()
    assert again["pid"] != status.pid
    after = await until_state(suite, "running")
    assert (after.restarts, after.exit_code, after.last_error) == (1, KILLED, None)
    assert any(describe_exit(KILLED) in line for line in after.last_log_lines)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are not handed over there: asyncio's event loop cannot")
async def test_no_connection_is_refused_while_a_server_is_replaced(start_suite: StartSuite) -> None:
    suite = await start_suite()
    status = await until_state(suite, "running")
    answers: list[int] = []
    refused: list[httpx.ConnectError] = []
    stopping = asyncio.Event()

    async def keep_asking() -> None:
        while not stopping.is_set():
            try:
                answers.append((await get(status)).status_code)
            except httpx.ConnectError as error:
                refused.append(error)

    clients = [asyncio.create_task(keep_asking()) for _ in range(3)]
    await suite.apply("gpu")
    await until_state(suite, "running")
    stopping.set()
    await asyncio.gather(*clients)
    assert suite.status("gpu").pid != status.pid
    assert not refused
    assert set(answers) == {200}


async def test_a_request_in_progress_is_finished_before_a_stop(start_suite: StartSuite) -> None:
    suite = await start_suite()
    status = await until_state(suite, "running")
    request = asyncio.create_task(get(status, "/slow"))
    await eventually(lambda: any("slow request begins" in line for line in suite.status("gpu").last_log_lines))
    await suite.stop()
    assert (await request).text == "done"


async def test_a_server_that_cannot_start_is_failed_at_once(start_suite: StartSuite) -> None:
    suite = await start_suite("cannot-start")
    status = await until_state(suite, "failed")
    assert (status.exit_code, status.restarts, status.pid) == (3, 0, None)
    assert status.last_error is not None
    assert "cannot start" in status.last_error
    assert any("the model directory is not there" in line for line in status.last_log_lines)
    with pytest.raises(httpx.ConnectError):
        await get(status)


async def test_a_server_that_keeps_dying_is_failed_in_the_end(start_suite: StartSuite) -> None:
    suite = await start_suite("exit-at-once")
    status = await until_state(suite, "failed")
    assert (status.exit_code, status.restarts) == (1, QUICK.attempts - 1)
    assert sum("目前無法載入" in line for line in status.last_log_lines) == QUICK.attempts
    with pytest.raises(httpx.ConnectError):
        await get(status)


async def test_a_failed_device_can_be_applied_again(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite("die-once", timing=replace(QUICK, attempts=1))
    await until_state(suite, "failed")
    await suite.apply("gpu")
    await until_state(suite, "running")


async def test_a_server_that_dies_once_is_started_again(start_suite: StartSuite) -> None:
    suite = await start_suite("die-once")
    assert (await until_state(suite, "running")).restarts == 1


# On Windows to terminate is to kill: there is nothing that a server could ignore.
TERMINATED = -signal.SIGTERM if sys.platform != "win32" else ENDED_BY_ASYNCIO


@pytest.mark.parametrize(
    ("fault", "insist", "code"),
    [
        ("ignore-stdin", 30, TERMINATED),
        ("ignore-everything", 0.3, ENDED_BY_ASYNCIO),
    ],
)
async def test_a_deaf_server_is_ended_all_the_same(
    start_suite: StartSuite, fault: str, insist: float, code: int
) -> None:
    suite = await start_suite(fault, timing=replace(QUICK, insist=insist))
    status = await until_state(suite, "running")
    await suite.stop(ask_seconds=0.2)
    assert status.pid is not None
    assert gone(status.pid)
    assert suite.status("gpu").exit_code == code


async def test_a_frozen_server_is_replaced(start_suite: StartSuite) -> None:
    suite = await start_suite(timing=replace(QUICK, silence_while_running=0.5, poll_timeout=0.2))
    status = await until_state(suite, "running")
    with pytest.raises(httpx.HTTPError):
        await get(status, "/freeze")
    await eventually(lambda: suite.status("gpu").restarts == 1)
    assert (await until_state(suite, "running")).pid != status.pid
    assert any("does not answer /health" in line for line in suite.status("gpu").last_log_lines)


async def test_what_a_server_said_stays_while_it_is_too_busy_to_answer(start_suite: StartSuite) -> None:
    suite = await start_suite(timing=replace(QUICK, poll_timeout=0.05))
    status = await until_state(suite, "running")
    with pytest.raises(httpx.HTTPError):
        await get(status, "/freeze", seconds=0.3)
    await asyncio.sleep(0.5)  # several polls
    assert suite.health("gpu") is not None
    assert suite.memory("gpu") is not None


async def test_a_server_that_never_answers_is_failed(start_suite: StartSuite) -> None:
    timing = replace(QUICK, silence_while_starting=0.3, poll_timeout=0.1, attempts=2)
    suite = await start_suite("silent", timing=timing)
    assert (await until_state(suite, "failed")).restarts == 1


async def test_what_a_dead_server_leaves_behind_is_ended(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite("leaves-a-grandchild")
    status = await until_state(suite, "running")
    grandchild = int((tmp_path / "資料 夾" / "grandchild").read_text(encoding="utf-8"))
    assert not gone(grandchild)
    assert status.pid is not None
    kill(status.pid)
    await eventually(lambda: gone(grandchild))


async def test_a_taken_port_is_a_clear_failure(start_suite: StartSuite) -> None:
    holder = open_listeners("127.0.0.1", 0)
    port = holder[0].getsockname()[1]
    suite = await start_suite(timing=replace(QUICK, port_wait=0), gpu=device(port))
    status = await until_state(suite, "failed")
    assert status.last_error is not None
    assert f"Port {port}" in status.last_error
    assert "another port in device_config.json" in status.last_error
    close_all(holder)
    await suite.apply("gpu")
    await until_state(suite, "running")


async def test_a_port_that_comes_free_is_waited_for(start_suite: StartSuite) -> None:
    holder = open_listeners("127.0.0.1", 0)
    suite = await start_suite(timing=replace(QUICK, port_wait=30), gpu=device(holder[0].getsockname()[1]))
    await eventually(lambda: suite.status("gpu").last_error)
    assert suite.status("gpu").state == "starting"
    close_all(holder)
    assert (await until_state(suite, "running")).last_error is None


async def test_a_program_that_is_not_there_is_a_clear_failure(start_suite: StartSuite) -> None:
    suite = await start_suite()
    await until_state(suite, "running")
    supervisor = suite._supervisors["gpu"]
    supervisor._launch = replace(supervisor._launch, program=("/no/such/program",))
    await suite.apply("gpu")
    status = await until_state(suite, "failed")
    assert status.last_error is not None
    assert "could not be started" in status.last_error


SUITE_PARENT = """
import asyncio, sys
from pathlib import Path
from configuration.device_config import ConfigStore
from supervision.python import python_command
from supervision.suite import Launch, Suite

async def main():
    loop, child, data_dir = sys.argv[1:]
    store = ConfigStore(Path(data_dir) / "device_config.json")
    suite = Suite(store, Launch(Path.cwd(), Path(data_dir), program=python_command(child)))
    await suite.start()
    while {status.state for status in suite.statuses()} != {"running"}:
        await asyncio.sleep(0.02)
    sys.stdout.write(" ".join(str(status.pid) for status in suite.statuses()) + "\\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await suite.stop()

if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("ending", ["killed", "asked"])
@pytest.mark.parametrize(
    "loop", ["asyncio", pytest.param("uvloop", marks=pytest.mark.skipif(os.name == "nt", reason="uvloop is for POSIX"))]
)
async def test_no_server_outlives_its_parent(tmp_path: Path, loop: str, ending: str) -> None:
    ConfigStore(tmp_path / "device_config.json").save(
        Configuration(devices={name: device(free_port()) for name in ("gpu", "npu")})
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SUITE_PARENT, loop, str(CHILD), str(tmp_path)),
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    servers = [int(pid) for pid in (await asyncio.wait_for(parent.stdout.readline(), 30)).split()]
    assert len(servers) == 2
    assert not any(gone(pid) for pid in servers)
    if ending == "killed":
        parent.kill()
    parent.stdin.close()
    code = await parent.wait()
    assert code == (ENDED_BY_ASYNCIO if ending == "killed" else 0)
    await eventually(lambda: all(gone(pid) for pid in servers))
