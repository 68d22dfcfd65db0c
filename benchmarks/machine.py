"""What a figure was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

_PACKAGES = ("openvino", "openvino-genai", "uvicorn", "starlette", "uvloop", "httptools")


class Machine(msgspec.Struct, frozen=True):
    processor: str
    logical_cores: int
    memory_bytes: int
    system: str
    python: str
    packages: dict[str, str]


def this_machine() -> Machine:
    return Machine(
        processor=_processor(),
        logical_cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES if os.name != "nt" or name != "uvloop"},
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
