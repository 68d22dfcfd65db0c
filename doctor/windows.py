"""What Windows tells: the display adapters and NPUs of its device manager, and how long a path may be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import Any

from doctor.machine import Kind, PnpDevice

_SECONDS = 20
_KINDS: dict[str, Kind] = {"Display": "GPU", "ComputeAccelerator": "NPU"}
_QUERY = (
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8; "
    "Get-CimInstance Win32_PnPEntity -Filter \"PNPClass='Display' OR PNPClass='ComputeAccelerator'\" | "
    "Select-Object Name,PNPClass,ConfigManagerErrorCode | ConvertTo-Json -Compress"
)


def long_paths_enabled() -> bool:
    """Whether programs may use paths of more than 260 characters; elsewhere they always may."""
    if sys.platform != "win32":
        return True
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False


async def read_device_manager() -> tuple[PnpDevice, ...]:
    """Empty on other systems, and where it does not answer in time."""
    if sys.platform != "win32":
        return ()
    try:
        process = await asyncio.create_subprocess_exec(
            *("powershell", "-NoProfile", "-NonInteractive", "-Command", _QUERY),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            creationflags=subprocess.CREATE_NO_WINDOW,
        )
    except OSError:
        return ()
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    except asyncio.TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            process.kill()
        await process.wait()
        return ()
    return parse_device_manager(output.decode("utf-8", "replace"))


def parse_device_manager(text: str) -> tuple[PnpDevice, ...]:
    """Intel's devices in PowerShell's JSON: a list, or the object itself where there is one only."""
    try:
        document: Any = json.loads(text.lstrip("\ufeff"))
    except ValueError:
        return ()
    rows = document if isinstance(document, list) else [document]
    found = []
    for row in rows:
        kind = _KINDS.get(str(row.get("PNPClass"))) if isinstance(row, dict) else None
        name = str(row.get("Name") or "") if isinstance(row, dict) else ""
        if kind is not None and "intel" in name.lower():
            found.append(PnpDevice(name, kind, int(row.get("ConfigManagerErrorCode") or 0)))
    return tuple(found)
