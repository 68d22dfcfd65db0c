"""Where the stand-in lies, and what a process needs in its environment to see it as its GPU."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def stand_in_folder(project: Path) -> Path:
    """In the project, unless a space stands in its path: LD_PRELOAD ends there, and so does what Intel's runtime finds
    of its own files."""
    if " " not in str(project):
        return project / ".gpu_stand_in"
    return Path.home() / ".cache" / f"gpu_stand_in-{hashlib.sha256(os.fsencode(project)).hexdigest()[:8]}"


FOLDER = stand_in_folder(PROJECT)
SETUP_COMMAND = "python -m tests.gpu_stand_in.setup"
_TARGETS = {"amx_tile": "sapphirerapids", "avx512f": "skx", "avx2": "core-avx2"}


def is_set_up(folder: Path = FOLDER) -> bool:
    """Whether the setup command came to its end: it writes this file last."""
    return (folder / "ready").is_file()


def stand_in_environment(options: Mapping[str, object] | None = None, *, folder: Path = FOLDER) -> dict[str, str]:
    """The variables for a new process. `options` are the layer's (layer/settings.c), in lower case and without their
    prefix: `{"discrete": 1, "memory": 2 << 30}`."""
    runtime = folder / "runtime" / "lib"
    return {
        "OCL_ICD_VENDORS": str(folder / "vendors"),
        "OPENCL_LAYERS": str(folder / "liblayer.so"),
        # OpenVINO's own, older libtbb lacks a symbol that the runtime needs.
        "LD_PRELOAD": str(runtime / "libtbb.so.12"),
        # Left to itself the runtime's compiler aborts on one of the plugin's kernels.
        "CL_CONFIG_CPU_TARGET_ARCH": target_of(_processor_flags()),
        "CL_STAND_IN_CACHE": str(folder / "programs"),
        "CL_STAND_IN_LOG": str(folder / "layer.log"),
        **{f"CL_STAND_IN_{name.upper()}": str(value) for name, value in (options or {}).items()},
    }


def child_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `variables`."""
    return {**os.environ, **variables}


def supported() -> bool:
    """Intel's runtime comes for x86-64; the layer is built for Linux's loader."""
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def target_of(flags: set[str]) -> str:
    """The runtime's name for the processor with these features (the flags of /proc/cpuinfo)."""
    return next((target for flag, target in _TARGETS.items() if flag in flags), "corei7")


def _processor_flags() -> set[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())
