"""Which driver a GPU runs on. OpenVINO's plugin does not tell, so OpenCL is asked, beneath it, and the system.

To be called in a process of its own: a driver may hang or crash.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KNOWN = Path(__file__).with_name("known_drivers.json")
_GPU, _NAME, _DRIVER, _UUID = 1 << 2, 0x102B, 0x102D, 0x106A  # CL/cl.h, CL/cl_ext.h
_UUID_BYTES = 16
_MOST = 16
_KERNEL_DRIVERS = ("i915", "xe")
_DISPLAY_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_KIND = re.compile(r" \([id]GPU\)$")


@dataclass(frozen=True)
class Driver:
    """`uuid` in hexadecimal digits, empty where it is not told."""

    name: str
    version: str
    uuid: str = ""


def gpu_driver(full_name: str, uuid: str, drivers: Sequence[Driver]) -> str:
    """The version among `drivers` for the GPU that OpenVINO names so; empty where none is certain to be its."""
    by_uuid = [driver.version for driver in drivers if driver.uuid and driver.uuid == uuid]
    name = _KIND.sub("", full_name)
    versions = by_uuid or [driver.version for driver in drivers if driver.name == name]
    return versions[0] if len(set(versions)) == 1 else ""


def read_drivers() -> list[Driver]:
    """Those of all GPUs, as OpenCL tells them, else Windows' registry."""
    drivers: list[Driver] = []
    with contextlib.suppress(OSError, AttributeError):
        drivers = list(_opencl_drivers(ctypes.CDLL("OpenCL.dll" if sys.platform == "win32" else "libOpenCL.so.1")))
    return drivers or list(_registry_drivers())


def kernel_driver(root: Path = Path("/")) -> str:
    """`xe, Linux 6.17.0`: what drives the first of Intel's GPUs on Linux; empty elsewhere."""
    for node in sorted((root / "sys/class/drm").glob("renderD*")):
        name = Path(os.path.realpath(node / "device" / "driver")).name
        if name in _KERNEL_DRIVERS:
            return f"{name}, {os.uname().sysname} {os.uname().release}"
    return ""


def known_troubles(driver: str, kind: str, path: Path = _KNOWN) -> list[Mapping[str, Any]]:
    """What is known against this version of a GPU's or an NPU's driver: entries of known_drivers.json."""
    entries = json.loads(path.read_text(encoding="utf-8"))["drivers"]
    return [entry for entry in entries if entry["device"] == kind and driver in entry["versions"]]


def _opencl_drivers(library: Any) -> Iterator[Driver]:
    for platform in _handles(library.clGetPlatformIDs):
        for device in _handles(library.clGetDeviceIDs, ctypes.c_void_p(platform), ctypes.c_uint64(_GPU)):
            uuid = _info(library, device, _UUID)
            yield Driver(
                _text(_info(library, device, _NAME)),
                _text(_info(library, device, _DRIVER)),
                uuid.hex() if len(uuid) == _UUID_BYTES else "",
            )


def _handles(function: Callable[..., int], *arguments: Any) -> list[int]:
    found = (ctypes.c_void_p * _MOST)()
    count = ctypes.c_uint32()
    if function(*arguments, ctypes.c_uint32(_MOST), found, ctypes.byref(count)) != 0:
        return []
    return [handle for handle in found[: min(count.value, _MOST)] if handle]


def _info(library: Any, device: int, what: int) -> bytes:
    size = ctypes.c_size_t()
    value = ctypes.create_string_buffer(1024)
    arguments = (ctypes.c_void_p(device), ctypes.c_uint32(what), ctypes.c_size_t(len(value)), value, ctypes.byref(size))
    return value.raw[: size.value] if library.clGetDeviceInfo(*arguments) == 0 else b""


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace").strip()


def _registry_drivers() -> Iterator[Driver]:
    if sys.platform != "win32":
        return
    import winreg

    for number in range(_MOST):
        with (
            contextlib.suppress(OSError),
            winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{_DISPLAY_CLASS}\{number:04}") as key,
        ):
            yield Driver(winreg.QueryValueEx(key, "DriverDesc")[0], winreg.QueryValueEx(key, "DriverVersion")[0])
