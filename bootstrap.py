"""Set up and start: `python bootstrap.py [options of main.py]`, or `python bootstrap.py test [options of pytest]`.

Makes the virtual environment `.venv` and installs the requirements where they are missing or have changed; then runs
main.py, or the checks and tests. Standard library only; parses on Python 3.6, to be able to say that it is too old.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

OLDEST, NEWEST = (3, 10), (3, 13)

if not OLDEST <= sys.version_info[:2] <= NEWEST:
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [name for name in names if shutil.which(name)]
    advice = f"Use {found[0]} bootstrap.py" if found else "Install one from https://www.python.org"
    sys.exit(f"Python 3.10 to 3.13 is needed, this is {sys.version_info[0]}.{sys.version_info[1]}. {advice}")

PROJECT = Path(__file__).resolve().parent
RUN_REQUIREMENTS = ("requirements.txt",)
CONSTRAINTS = "constraints.txt"
TEST_REQUIREMENTS = (CONSTRAINTS, "requirements.txt", "requirements-test.txt")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER_PACKAGES = ("chromium", "fonts-noto-cjk")
_NODE_CLIENTS = PROJECT / "tests" / "clients" / "js"
_INTERRUPTED = 130

Run = Callable[[Sequence[str]], int]


class SetupError(Exception):
    """The text says what is wrong and what to do."""


def main(arguments: list[str]) -> int:
    environment = Environment(PROJECT)
    try:
        if arguments[:1] == ["test"]:
            environment.prepare(TEST_REQUIREMENTS)
            return run_tests(environment.python, arguments[1:])
        environment.prepare(RUN_REQUIREMENTS)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return _INTERRUPTED
    return replace_process([str(environment.python), str(PROJECT / "main.py"), *arguments])


def run_command(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


def replace_process(command: list[str]) -> int:
    """Become `command`. Windows cannot; there Ctrl-C reaches both processes, and this one waits for the other."""
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


class Environment:
    """The virtual environment in `project/.venv`. A stamp in it holds the hashes of what was installed; it is taken
    away before an installation begins and comes back when that is complete."""

    def __init__(
        self,
        project: Path,
        *,
        run: Run = run_command,
        which: Callable[[str], "str | None"] = shutil.which,
        windows: bool = os.name == "nt",
    ) -> None:
        self._project = project
        self._run = run
        self._uv = which("uv")
        self._folder = project / ".venv"
        self._stamp = self._folder / "installed.json"
        self.python = self._folder / ("Scripts/python.exe" if windows else "bin/python")

    def prepare(self, requirements: Sequence[str]) -> None:
        """Make sure that everything in these files is installed; with `CONSTRAINTS` among them, in just the versions
        that it names. Raises `SetupError`."""
        wanted = {name: self._hash(name) for name in requirements}
        installed = self._installed()
        if self.python.exists() and wanted.items() <= installed.items():
            return
        if self._stamp.exists():
            self._stamp.unlink()
        self._create()
        self._install(requirements[-1], constrained=CONSTRAINTS in requirements)
        self._write_stamp({**installed, **wanted})

    def _hash(self, name: str) -> str:
        return hashlib.sha256((self._project / name).read_bytes()).hexdigest()

    def _installed(self) -> dict[str, str]:
        try:
            installed = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return installed if isinstance(installed, dict) else {}

    def _write_stamp(self, hashes: dict[str, str]) -> None:
        self._stamp.write_text(json.dumps(hashes, indent=1), encoding="utf-8")  # half of it counts as none

    def _create(self) -> None:
        """Also mends a folder that an interrupted run has left."""
        base = getattr(sys, "_base_executable", sys.executable)
        if self._uv is not None:
            print("Making the virtual environment .venv with uv.", flush=True)
            command = [self._uv, "venv", "--quiet", "--allow-existing", "--python", base, str(self._folder)]
        else:
            missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
            if missing:
                raise SetupError(missing_module_advice(missing[0]))
            print("Making the virtual environment .venv.", flush=True)
            command = [base, "-m", "venv", str(self._folder)]
        if self._run(command) != 0:
            raise SetupError("The virtual environment .venv could not be made; the lines above say why.")

    def _install(self, requirements: str, *, constrained: bool) -> None:
        print(f"Installing {requirements}. The first time this takes a few minutes.", flush=True)
        files = ["-r", str(self._project / requirements)]
        if constrained:
            files = ["-c", str(self._project / CONSTRAINTS), *files]
        if self._uv is not None:
            command = [self._uv, "pip", "install", "--python", str(self.python), *files]
        else:
            command = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *files]
        if self._run(command) != 0:
            raise SetupError(
                f"Installing {requirements} failed; the lines above say why. It needs the network and 1 GB of disk. "
                "When that is there, give the same command again: it goes on from here."
            )


def missing_module_advice(module: str) -> str:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        f"This Python has no module {module}, which makes virtual environments. On Debian or Ubuntu: "
        f"sudo apt install python{version}-venv. Or install uv (https://docs.astral.sh/uv/) and start again."
    )


def run_tests(python: Path, arguments: Sequence[str], *, run: Run = run_command) -> int:
    """With arguments only pytest, with them; else all checks. The exit code of the first one that failed."""
    if arguments:
        return run([str(python), "-m", "pytest", *arguments])
    install_browser(run=run)
    install_node_clients(run=run)
    results: dict[str, int] = {}
    for check in ("ruff check .", "ruff format --check .", "pyright", "pytest -n 3 --dist worksteal"):
        print(f"\n== {check}", flush=True)
        if check.startswith("pytest"):
            print("Runs of their own, see CONTRIBUTING.md: -m long, -m gpu, -m real", flush=True)
        results[check] = run([str(python), "-m", *check.split()])
    failed = [name for name, code in results.items() if code != 0]
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nEverything passed.", flush=True)
    return next((code for code in results.values() if code != 0), 0)


def install_browser(
    *,
    run: Run = run_command,
    which: Callable[[str], "str | None"] = shutil.which,
    windows: bool = os.name == "nt",
    root: bool = hasattr(os, "geteuid") and os.geteuid() == 0,
) -> None:
    """The page's tests drive a Chromium; on Windows that is Edge, which is always there. Raises `SetupError`."""
    if windows or any(which(name) for name in BROWSERS):
        return
    packages = " ".join(_BROWSER_PACKAGES)
    if which("apt-get") is None:
        raise SetupError("The tests of the page need Chromium and a Chinese font: install both and start again.")
    if not root:
        raise SetupError(f"The tests of the page need Chromium: sudo apt-get install {packages}")
    print(f"Installing {packages} for the tests of the page.", flush=True)
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if run([*apt, "update", "-q"]) != 0 or run([*apt, "install", "-y", "-q", *_BROWSER_PACKAGES]) != 0:
        raise SetupError(f"apt-get could not install {packages}; the lines above say why.")


def install_node_clients(
    project: Path = _NODE_CLIENTS, *, run: Run = run_command, which: Callable[[str], "str | None"] = shutil.which
) -> None:
    """The JavaScript clients that the tests drive, as their lock file has them. Raises `SetupError`."""
    lock = hashlib.sha256((project / "package-lock.json").read_bytes()).hexdigest()
    stamp = project / "node_modules" / "installed.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == lock:
        return
    npm = which("npm")
    if npm is None or which("node") is None:
        raise SetupError(
            "The tests with JavaScript clients need Node.js 20 or newer with npm: install it from "
            "https://nodejs.org or by your system's packages and start again."
        )
    print("Installing the JavaScript clients for the tests.", flush=True)
    if run([npm, "ci", "--prefix", str(project)]) != 0:
        raise SetupError("npm could not install the JavaScript clients; the lines above say why.")
    stamp.write_text(lock, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
