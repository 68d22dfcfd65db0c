"""Sets up the GPU stand-in: `python -m tests.gpu_stand_in.setup [--apt]`, once for each checkout (Linux, x86-64).

Installs Intel's OpenCL runtime for CPUs from PyPI into `.gpu_stand_in/` (0.8 GB), builds the layer and has OpenVINO's
GPU plugin compute with it. `--apt` installs the system's packages that are missing, which takes root.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from tests.gpu_stand_in.environment import FOLDER, child_variables, stand_in_environment, supported

RUNTIME = ("intel-opencl-rt==2026.2.0", "intel-cmplr-lib-rt==2026.2.0")
"""The latter holds libraries that the former needs and does not ask for."""
PACKAGES = ("ocl-icd-libopencl1", "opencl-headers", "gcc", "libc6-dev")
LAYER = Path(__file__).parent / "layer"
_CHECK = """
import numpy as np, openvino as ov, openvino.opset13 as op
core = ov.Core()
x = op.parameter([4, 64], np.float32)
weights = np.arange(64 * 32, dtype=np.float32).reshape(64, 32) % 7 - 3
model = ov.Model([op.matmul(x, op.constant(weights), False, False)], [x])
data = np.linspace(-1, 1, 256, dtype=np.float32).reshape(4, 64)
got = next(iter(core.compile_model(model, "GPU", {"INFERENCE_PRECISION_HINT": "f32"})(data).values()))
np.testing.assert_allclose(got, data @ weights, rtol=1e-4, atol=1e-4)
print(core.get_property("GPU", "FULL_DEVICE_NAME"))
"""


class SetupFailed(Exception):
    """The text says what is missing and what to do."""


def set_up(folder: Path = FOLDER, *, apt: bool = False) -> str:
    """The name of the GPU that OpenVINO then finds. Raises `SetupFailed`."""
    if not supported():
        raise SetupFailed("The stand-in needs Linux on x86-64: Intel's OpenCL runtime for CPUs comes for no other.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ready").unlink(missing_ok=True)
    _system_packages(install=apt)
    _runtime(folder / "runtime")
    _build(folder / "liblayer.so")
    (folder / "programs").mkdir(exist_ok=True)
    (folder / "vendors").mkdir(exist_ok=True)
    library = folder / "runtime" / "lib" / "libintelocl.so"
    (folder / "vendors" / "intel-cpu.icd").write_text(f"{library}\n", encoding="utf-8")
    name = _check(folder)
    (folder / "ready").touch()
    return name


def _system_packages(*, install: bool) -> None:
    if not _missing_from_system():
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    if shutil.which("apt-get") is None:
        raise SetupFailed(
            f"{_missing_from_system()} missing. Without apt-get, install what Debian calls {', '.join(PACKAGES)}."
        )
    if not install or os.geteuid() != 0:
        raise SetupFailed(f"{_missing_from_system()} missing: sudo {' '.join(command)}")
    _run(["apt-get", "update", "-q"])
    _run(command)
    if missing := _missing_from_system():
        raise SetupFailed(f"{missing} missing even with {', '.join(PACKAGES)}.")


def _missing_from_system() -> str:
    """A C compiler, OpenCL's headers and its loader; what of them is not there."""
    missing = [] if shutil.which("gcc") else ["gcc"]
    if not Path("/usr/include/CL/cl_layer.h").is_file():
        missing.append("CL/cl_layer.h")
    try:
        ctypes.CDLL("libOpenCL.so.1")
    except OSError:
        missing.append("libOpenCL.so.1")
    return ", ".join(missing)


def _runtime(folder: Path) -> None:
    if (folder / "lib" / "libintelocl.so").exists():
        return
    print(f"Installing {', '.join(RUNTIME)}.", flush=True)  # noqa: T201
    venv.create(folder, with_pip=True, clear=True)
    python = folder / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *RUNTIME])


def _build(library: Path) -> None:
    sources = [str(path) for path in sorted(LAYER.glob("*.c"))]
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:  # a process may have the old one open
        built = Path(folder) / library.name
        _run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(built), *sources])
        built.replace(library)


def _check(folder: Path) -> str:
    environment = child_variables(stand_in_environment(folder=folder))
    done = subprocess.run(
        [sys.executable, "-c", _CHECK], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise SetupFailed(f"OpenVINO does not compute on it: {last} More is in {folder / 'layer.log'}.")
    return done.stdout.strip().splitlines()[-1]


def _run(command: Sequence[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        raise SetupFailed(f"This failed, the lines above say why: {' '.join(command)}")


def main(arguments: list[str]) -> int:
    try:
        name = set_up(apt="--apt" in arguments)
    except SetupFailed as error:
        print(f"The GPU stand-in is not set up. {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"Ready: OpenVINO computes on {name}. Now: python -m pytest -m gpu")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
