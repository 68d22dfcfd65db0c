"""What the operating system tells of the hardware, whether or not OpenVINO can use it."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["GPU", "NPU"]
_INTEL = "0x8086"
_DISPLAY, _ACCELERATOR = "0x03", "0x12"


@dataclass(frozen=True)
class Node:
    """A device file. group: the one whose members may open it, None where the file system tells none."""

    path: str
    accessible: bool
    group: str | None = None


@dataclass(frozen=True)
class PnpDevice:
    """An entry of Windows' device manager; `problem` is its error code, 0 where it works."""

    name: str
    kind: Kind
    problem: int = 0


@dataclass(frozen=True)
class MachineFacts:
    """hardware: the Intel devices on the bus, None where the system does not tell. nodes: their device files (Linux).
    pnp: Windows' device manager."""

    system: Literal["linux", "windows", "other"]
    user: str = ""
    wsl: bool = False
    container: bool = False
    hardware: frozenset[Kind] | None = None
    gpu_nodes: tuple[Node, ...] = ()
    npu_nodes: tuple[Node, ...] = ()
    pnp: tuple[PnpDevice, ...] = field(default=())

    def nodes(self, kind: Kind) -> tuple[Node, ...]:
        return self.gpu_nodes if kind == "GPU" else self.npu_nodes


def read_machine(root: Path = Path("/"), *, pnp: tuple[PnpDevice, ...] = ()) -> MachineFacts:
    """`root` is for tests. On Windows `pnp` is all there is to know."""
    if sys.platform == "win32":
        return MachineFacts("windows", user=_user(), hardware=_kinds(pnp), pnp=pnp)
    if sys.platform != "linux":
        return MachineFacts("other", user=_user())
    return MachineFacts(
        "linux",
        user=_user(),
        wsl="microsoft" in platform.release().lower() or (root / "dev/dxg").exists(),
        container=any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")),
        hardware=_on_the_bus(root / "sys/bus/pci/devices"),
        gpu_nodes=_nodes(root / "dev/dri", "renderD*"),
        npu_nodes=_nodes(root / "dev/accel", "accel*"),
    )


def _kinds(pnp: tuple[PnpDevice, ...]) -> frozenset[Kind] | None:
    return frozenset(device.kind for device in pnp) if pnp else None


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.getuid()) if sys.platform != "win32" else ""


def _on_the_bus(directory: Path) -> frozenset[Kind] | None:
    """Intel's display adapters and processing accelerators, by the PCI class (https://pci-ids.ucw.cz/read/PD)."""
    if not directory.is_dir():
        return None
    found: set[Kind] = set()
    for device in directory.iterdir():
        if _word(device / "vendor") != _INTEL:
            continue
        pci_class = _word(device / "class")
        if pci_class.startswith(_DISPLAY):
            found.add("GPU")
        elif pci_class.startswith(_ACCELERATOR):
            found.add("NPU")
    return frozenset(found)


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip().lower()
    except OSError:
        return ""


def _nodes(directory: Path, pattern: str) -> tuple[Node, ...]:
    if not directory.is_dir():
        return ()
    return tuple(
        Node(str(path), os.access(path, os.R_OK | os.W_OK), _group(path)) for path in sorted(directory.glob(pattern))
    )


def _group(path: Path) -> str | None:
    try:
        return path.group()
    except (OSError, KeyError, NotImplementedError):
        return None
