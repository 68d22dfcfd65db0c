"""The project under Wine: `.venv/bin/python -m tools.windows DIR [setup|suite|tests]`, as root on Debian or Ubuntu."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tools.windows.complex_math import mend_numpy
from tools.windows.machine import BASE_PYTHON, VENV_PYTHON, Machine
from tools.windows.setting_up import set_up
from tools.windows.suite import check_suite

TESTED = ("devices", "web", "keys", "instances", "pools", "registry", "commands", "gateway")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.windows", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the machine is kept; 6 GB")
    parser.add_argument("step", nargs="?", choices=("setup", "suite", "tests"), help="default: all of them")
    parser.add_argument("tests", nargs="*", help="what pytest is to run; default: " + " ".join(TESTED))
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    machine = Machine(folder / "debian")
    if options.step in (None, "setup"):
        set_up(machine, folder)
    machine.copy_project()
    status = 0
    if options.step in (None, "setup", "suite"):
        install(machine, folder, "bootstrap.py", "--help")
    if options.step in (None, "suite"):
        status = check_suite(machine)
    if options.step in (None, "tests"):
        install(machine, folder, "bootstrap.py", "test", "--version")
        chosen = options.tests or [f"tests/{name}" for name in TESTED]
        for each in chosen:  # a test that hangs ends its run there
            pytest = [VENV_PYTHON, "-u", "-m", "pytest", "-p", "no:cacheprovider", "--timeout=120", "-q", each]
            status += subprocess.run(machine.command(pytest), check=False).returncode
    return 1 if status else 0


def install(machine: Machine, folder: Path, *words: str) -> None:
    """By bootstrap.py, as it is; then numpy is given what Wine lacks."""
    print(machine.run(BASE_PYTHON, *words, seconds=1800)[-2000:], flush=True)
    mend_numpy(machine.site_packages, [str(folder / "tools" / "bin" / "python"), "-m", "ziglang", "cc"])


if __name__ == "__main__":
    sys.exit(main())
