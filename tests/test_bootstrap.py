import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import bootstrap
from bootstrap import (
    RUN_REQUIREMENTS,
    TEST_REQUIREMENTS,
    Environment,
    SetupError,
    install_browser,
    install_node_clients,
    run_tests,
)


class Recorder:
    """Stands in for the commands: notes them, makes the interpreter a `venv` would make, fails where told to."""

    def __init__(self, project: Path, *, failing: str | None = None, interrupted: str | None = None) -> None:
        self.project = project
        self.failing = failing
        self.interrupted = interrupted
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> int:
        self.commands.append(list(command))
        if self.interrupted is not None and self.interrupted in command:
            raise KeyboardInterrupt
        if "venv" in command:
            python = self.project / ".venv" / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        return int(self.failing is not None and self.failing in command)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "專 案"
    project.mkdir()
    (project / "requirements.txt").write_text("fastapi\n", encoding="utf-8")
    (project / "constraints.txt").write_text("fastapi==1.0\n", encoding="utf-8")
    (project / "requirements-test.txt").write_text("-r requirements.txt\npytest\n", encoding="utf-8")
    return project


def prepare(
    project: Path, requirements: Sequence[str] = RUN_REQUIREMENTS, *, uv: bool = False, **faults: str
) -> list[list[str]]:
    """The commands that were run."""
    recorder = Recorder(project, **faults)
    which = {"uv": "/bin/uv"}.get if uv else {}.get
    Environment(project, run=recorder, which=which, windows=False).prepare(requirements)
    return recorder.commands


def test_the_first_time_makes_the_environment_and_installs(project: Path) -> None:
    create, install = prepare(project)
    assert create[1:] == ["-m", "venv", str(project / ".venv")]
    assert install[0] == str(project / ".venv" / "bin" / "python")
    assert install[1:4] == ["-m", "pip", "install"]
    assert install[-1] == str(project / "requirements.txt")


def test_uv_is_used_where_it_is_there(project: Path) -> None:
    create, install = prepare(project, uv=True)
    assert create[:2] == ["/bin/uv", "venv"]
    assert install[:3] == ["/bin/uv", "pip", "install"]


def test_nothing_is_run_when_nothing_changed(project: Path) -> None:
    prepare(project)
    assert prepare(project) == []


def test_changed_requirements_are_installed(project: Path) -> None:
    prepare(project)
    (project / "requirements.txt").write_text("fastapi\nuvicorn\n", encoding="utf-8")
    assert prepare(project)[-1][-1] == str(project / "requirements.txt")
    assert prepare(project) == []


def test_tests_install_more_and_keep_what_was_there(project: Path) -> None:
    prepare(project)
    assert prepare(project, TEST_REQUIREMENTS)[-1][-1] == str(project / "requirements-test.txt")
    assert prepare(project, TEST_REQUIREMENTS) == []
    assert prepare(project) == []


@pytest.mark.parametrize("uv", [False, True])
def test_tests_install_the_pinned_versions_and_users_what_fits(project: Path, uv: bool) -> None:
    pins = str(project / "constraints.txt")
    assert pins not in prepare(project, uv=uv)[-1]
    install = prepare(project, TEST_REQUIREMENTS, uv=uv)[-1]
    assert install[-4:] == ["-c", pins, "-r", str(project / "requirements-test.txt")]
    (project / "constraints.txt").write_text("fastapi==1.1\n", encoding="utf-8")
    assert prepare(project, uv=uv) == []
    assert prepare(project, TEST_REQUIREMENTS, uv=uv) != []


@pytest.mark.parametrize("step", ["venv", "install"])
def test_a_failure_leaves_no_stamp_and_says_what_to_do(project: Path, step: str) -> None:
    with pytest.raises(SetupError, match="the lines above say why"):
        prepare(project, failing=step)
    assert not (project / ".venv" / "installed.json").exists()
    assert len(prepare(project)) == 2


def test_an_interrupted_installation_is_done_again(project: Path) -> None:
    prepare(project)
    (project / "requirements.txt").write_text("changed\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        prepare(project, interrupted="install")
    (project / "requirements.txt").write_text("fastapi\n", encoding="utf-8")
    assert len(prepare(project)) == 2


def test_a_lost_interpreter_is_made_again(project: Path) -> None:
    prepare(project)
    (project / ".venv" / "bin" / "python").unlink()
    assert len(prepare(project)) == 2


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"requirements.txt": 1}'])
def test_a_damaged_stamp_means_installing_again(project: Path, stamp: str) -> None:
    prepare(project)
    (project / ".venv" / "installed.json").write_text(stamp, encoding="utf-8")
    assert len(prepare(project)) == 2


def test_windows_has_its_interpreter_elsewhere(project: Path) -> None:
    assert Environment(project, windows=True).python == project / ".venv" / "Scripts" / "python.exe"


def test_a_python_without_venv_is_told_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(SetupError, match=r"no module ensurepip.*apt install python3\.\d+-venv.*uv"):
        prepare(project)


def run_checks(arguments: Sequence[str] = (), failing: str | None = None) -> tuple[int, list[list[str]]]:
    commands: list[list[str]] = []

    def run(command: Sequence[str]) -> int:
        commands.append(list(command))
        return 7 if failing in command else 0

    return run_tests(Path("python"), arguments, run=run), [command for command in commands if command[0] == "python"]


def test_all_checks_run_even_when_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "install_browser", lambda **_: None)
    monkeypatch.setattr(bootstrap, "install_node_clients", lambda **_: None)
    assert run_checks() == (
        0,
        [
            ["python", "-m", "ruff", "check", "."],
            ["python", "-m", "ruff", "format", "--check", "."],
            ["python", "-m", "pyright"],
            ["python", "-m", "pytest", "-n", "3", "--dist", "worksteal"],
        ],
    )
    code, commands = run_checks(failing="ruff")
    assert code == 7
    assert len(commands) == 4


def test_arguments_go_to_pytest_alone() -> None:
    assert run_checks(["tests/supervision", "-x"]) == (0, [["python", "-m", "pytest", "tests/supervision", "-x"]])


def test_a_browser_is_installed_only_where_it_can_and_must_be() -> None:
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> int:
        commands.append(command)
        return 0

    apt = {"apt-get": "/usr/bin/apt-get"}
    install_browser(run=run, which={"chromium": "/usr/bin/chromium"}.get, windows=False, root=True)
    install_browser(run=run, which={}.get, windows=True, root=False)
    assert commands == []
    with pytest.raises(SetupError, match="sudo apt-get install chromium"):
        install_browser(run=run, which=apt.get, windows=False, root=False)
    with pytest.raises(SetupError, match="need Chromium"):
        install_browser(run=run, which={}.get, windows=False, root=True)
    assert commands == []
    install_browser(run=run, which=apt.get, windows=False, root=True)
    assert [list(command[2:4]) for command in commands] == [["apt-get", "update"], ["apt-get", "install"]]
    assert "fonts-noto-cjk" in commands[1]
    with pytest.raises(SetupError, match="could not install"):
        install_browser(run=lambda _: 100, which=apt.get, windows=False, root=True)


def test_javascript_clients_are_installed_when_their_lock_file_changes(tmp_path: Path) -> None:
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> int:
        commands.append(command)
        (tmp_path / "node_modules").mkdir(exist_ok=True)
        return 0

    node = {"node": "/usr/bin/node", "npm": "/usr/bin/npm"}
    lock = tmp_path / "package-lock.json"
    for version in ("1", "1", "2"):
        lock.write_text(version, encoding="utf-8")
        install_node_clients(tmp_path, run=run, which=node.get)
    assert commands == [["/usr/bin/npm", "ci", "--prefix", str(tmp_path)]] * 2
    lock.write_text("3", encoding="utf-8")
    with pytest.raises(SetupError, match="need Node"):
        install_node_clients(tmp_path, run=run, which={"npm": "/usr/bin/npm"}.get)
    with pytest.raises(SetupError, match="could not install"):
        install_node_clients(tmp_path, run=lambda _: 1, which=node.get)
    install_node_clients(tmp_path, run=run, which=node.get)
    assert len(commands) == 3


def test_it_parses_on_an_old_python() -> None:
    ast.parse(Path(bootstrap.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 14, 0)])
def test_a_wrong_python_is_told_which_one_is_needed(version: tuple[int, int, int]) -> None:
    code = (
        f"import sys, runpy; sys.version_info = {version}; runpy.run_path({bootstrap.__file__!r}, run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Python 3.10 to 3.13 is needed, this is {version[0]}.{version[1]}. ")
    assert "Traceback" not in result.stderr


def test_main_is_started_with_its_arguments(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    environment = Environment(project)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    hashes = {name: environment._hash(name) for name in TEST_REQUIREMENTS}
    (project / ".venv" / "installed.json").write_text(json.dumps(hashes), encoding="utf-8")
    started: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "PROJECT", project)
    monkeypatch.setattr(bootstrap, "replace_process", lambda command: started.append(command) or 0)
    assert bootstrap.main(["--port", "1"]) == 0
    assert started == [[str(environment.python), str(project / "main.py"), "--port", "1"]]


def test_a_setup_error_is_a_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: Environment, requirements: Sequence[str]) -> None:
        raise SetupError("what to do")

    monkeypatch.setattr(Environment, "prepare", fail)
    assert bootstrap.main([]) == 1
    assert capsys.readouterr().err.strip() == "what to do"


def test_an_interrupt_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(self: Environment, requirements: Sequence[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Environment, "prepare", interrupt)
    assert bootstrap.main(["test"]) == 130
    assert "Interrupted" in capsys.readouterr().err
