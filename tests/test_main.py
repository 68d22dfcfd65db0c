import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

import main
from commands.banner import banner
from commands.options import parse_arguments
from configuration.device_config import ConfigStore, Configuration, default_configuration
from keys.key_store import KEYS_FILE, KeyStore
from supervision.python import python_command, python_environment
from supervision.run_file import read_run_file
from tests.helpers import INTERRUPT, INTERRUPTIBLE, gone, http, interrupt, wait_until
from tests.supervision.conftest import CHILD, PROJECT, device
from tests.support.ports import free_ports
from web.listening import close_all, open_listeners

START = """
import sys, main
from supervision.python import python_command
sys.exit(main.main(sys.argv[2:], server_program=python_command(*sys.argv[1].split("|"))))
"""


posix = pytest.mark.skipif(sys.platform == "win32", reason="to terminate is to kill there")


class Started:
    """`python main.py` on a free port, with the test's device servers."""

    def __init__(self, data_dir: Path, *options: str, fault: str = "none") -> None:
        self.process = subprocess.Popen(
            [
                *python_command("-c", START, f"{CHILD}|--fault|{fault}"),
                *("--data-dir", str(data_dir), "--port", "0", *options),
            ],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=python_environment({**os.environ, "PYTHONUTF8": "1"}),
            creationflags=INTERRUPTIBLE,
        )
        assert self.process.stdout is not None
        self.banner: list[str] = []
        while line := self.process.stdout.readline():
            self.banner.append(line.rstrip())
            if "Ctrl-C" in line:
                break
        self.url = self.banner[1].split()[-1]

    def servers(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def wait_for_devices(self, *names: str) -> None:
        def running() -> bool:
            try:
                devices = http.get(f"{self.url}/api/status").json()["devices"]
            except httpx.HTTPError:
                return False
            return {each["name"] for each in devices if each["state"] == "running"} == set(names)

        wait_until(running)

    def finish(self) -> tuple[int, str]:
        """Exit code and standard error."""
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(*options: str, fault: str = "none") -> Started:
            started = Started(tmp_path / "資料 夾", *options, fault=fault)
            stack.callback(started.process.communicate)
            stack.callback(started.process.kill)
            return started

        yield start


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    """A configuration on free ports."""
    store = ConfigStore(tmp_path / "資料 夾" / "device_config.json")
    store.save(Configuration(devices=dict(zip(("gpu", "npu"), map(device, free_ports(2)), strict=True))))
    return store


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "main.py", *arguments],
        cwd=PROJECT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_the_first_start_writes_a_configuration_and_says_where_to_go(start: Start, tmp_path: Path) -> None:
    started = start("--no-devices")
    written = (tmp_path / "資料 夾" / "device_config.json").read_text(encoding="utf-8")
    assert written == default_configuration(str(PROJECT / "models" / "demo_server-guide")).to_json()
    assert started.banner[0] == "OpenVINO Multi-Model Server"
    assert any("gpu" in line and "--no-devices" in line for line in started.banner)
    assert any(str(tmp_path) in line for line in started.banner)
    assert http.get(f"{started.url}/api/status").status_code == 200
    interrupt(started.process)
    assert started.finish()[0] == 0


def test_the_page_answers_on_both_loopback_addresses(start: Start) -> None:
    started = start("--no-devices")
    port = int(started.url.rsplit(":", 1)[1])
    probe = open_listeners("localhost", 0)
    close_all(probe)
    for address in ["127.0.0.1", "[::1]"][: len(probe)]:
        assert http.get(f"http://{address}:{port}/api/status").status_code == 200


@pytest.mark.parametrize("terminated", [False, pytest.param(True, marks=posix)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_stops_everything(start: Start, store: ConfigStore, terminated: bool) -> None:
    started = start()
    started.wait_for_devices("gpu", "npu")
    servers = started.servers()
    assert len(servers) == 2
    if terminated:
        started.process.terminate()
    else:
        interrupt(started.process)
    code, errors = started.finish()
    assert code == 0
    assert "Traceback" not in errors
    assert all(gone(pid) for pid in servers)


def test_an_open_page_does_not_hold_up_the_end(start: Start, store: ConfigStore) -> None:
    started = start()
    started.wait_for_devices("gpu", "npu")
    with httpx.stream("GET", f"{started.url}/api/events", trust_env=False, timeout=30) as events:
        next(events.iter_bytes())
        interrupt(started.process)
        code, errors = started.finish()
    assert code == 0
    assert "Traceback" not in errors


def test_a_second_signal_ends_deaf_servers_on_the_spot(start: Start, store: ConfigStore) -> None:
    started = start(fault="ignore-everything")
    started.wait_for_devices("gpu", "npu")
    servers = started.servers()
    interrupt(started.process)
    wait_until(lambda: "stopping" in (store.path.parent / "logs" / "admin.log").read_text(encoding="utf-8"))
    interrupt(started.process)
    assert started.finish()[0] == 128 + INTERRUPT
    wait_until(lambda: all(gone(pid) for pid in servers))


def test_nothing_outlives_a_killed_main(start: Start, store: ConfigStore) -> None:
    started = start()
    started.wait_for_devices("gpu", "npu")
    servers = started.servers()
    started.process.kill()
    started.finish()
    wait_until(lambda: all(gone(pid) for pid in servers))


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = run("--data-dir", str(tmp_path), "--port", str(port))
    assert result.returncode == 1
    assert f"Port {port}" in result.stderr
    assert f"--port {port + 10}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_second_server_on_the_same_folder_is_refused(start: Start, tmp_path: Path) -> None:
    started = start("--no-devices")
    folder = tmp_path / "資料 夾"
    running = read_run_file(folder)
    assert running is not None
    assert (running.url, running.pid) == (started.url, started.process.pid)
    second = run("--data-dir", str(folder), "--port", "0", "--no-devices")
    assert second.returncode == 1
    assert started.url in second.stderr
    assert "Traceback" not in second.stderr
    interrupt(started.process)
    assert started.finish()[0] == 0
    assert read_run_file(folder) is None
    assert not (folder / ".running.json").exists()


def test_a_command_finds_the_server_by_its_folder(start: Start, tmp_path: Path) -> None:
    started = start("--no-devices")
    result = run("status", "--data-dir", str(tmp_path / "資料 夾"))
    assert result.returncode == 0
    assert started.url in result.stdout


def test_serve_is_another_word_for_no_command(tmp_path: Path) -> None:
    result = run("serve", "--data-dir", str(tmp_path), "--port", "70000")
    assert result.returncode == 2
    assert "--port" in result.stderr


def test_a_broken_configuration_is_explained_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "device_config.json"
    path.write_text('{"gpu":\n  {"port": "x"}}', encoding="utf-8")
    result = run("--data-dir", str(tmp_path), "--port", "0")
    assert result.returncode == 1
    assert f"{path}, line 2" in result.stderr
    assert "gpu.port" in result.stderr
    assert path.read_text(encoding="utf-8") == '{"gpu":\n  {"port": "x"}}'


def test_a_broken_configuration_does_not_stop_a_suite_that_ran_before(start: Start, store: ConfigStore) -> None:
    store.path.write_text("{", encoding="utf-8")
    started = start()
    started.wait_for_devices("gpu", "npu")
    interrupt(started.process)
    code, errors = started.finish()
    assert code == 0
    assert "last good configuration" in errors
    assert store.path.read_text(encoding="utf-8") == "{"


def test_a_data_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run("--data-dir", str(tmp_path / "file" / "folder"), "--port", "0")
    assert result.returncode == 1
    assert "--data-dir" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [("--port", "70000"), ("--port", "x"), ("--log-level", "loud"), ("--nonsense",)])
def test_wrong_options_are_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(arguments)
    assert caught.value.code == 2


def test_the_demo_model_is_relative_in_the_projects_own_folder(tmp_path: Path) -> None:
    assert main.demo_path(PROJECT) == "models/demo_server-guide"
    assert main.demo_path(tmp_path) == str(PROJECT / "models" / "demo_server-guide")


def test_the_first_start_beyond_loopback_makes_a_key_and_shows_it_once(tmp_path: Path) -> None:
    secret = main.ensure_key(tmp_path)
    assert secret is not None
    assert main.ensure_key(tmp_path) is None
    key = KeyStore(tmp_path / KEYS_FILE).find(secret)
    assert key is not None
    assert key.allows("admin")
    options = parse_arguments(["--data-dir", str(tmp_path), "--host", "0.0.0.0"])
    assert secret in banner(options, 11437, Configuration(), first_key=secret)


def test_keys_that_cannot_be_read_are_explained(tmp_path: Path) -> None:
    (tmp_path / KEYS_FILE).write_text("{", encoding="utf-8")
    result = run("--data-dir", str(tmp_path), "--host", "0.0.0.0", "--port", "0")
    assert result.returncode == 1
    assert str(tmp_path / KEYS_FILE) in result.stderr


@pytest.mark.parametrize("options", [("--tls-cert", "a.pem"), ("--tls-cert", "a.pem", "--tls-key", "b.pem")])
def test_a_certificate_that_cannot_be_used_is_explained(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run("--data-dir", str(tmp_path), "--port", "0", *options)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "a.pem" in result.stderr or "--tls-key" in result.stderr


def test_the_admin_process_never_loads_openvino() -> None:
    code = "import json, sys, main; print(json.dumps([name for name, module in sys.modules.items() if module]))"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, check=True)
    assert not [name for name in json.loads(result.stdout) if name.split(".")[0].startswith("openvino")]
