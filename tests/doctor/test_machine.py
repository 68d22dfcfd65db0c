"""What the operating system tells: Linux from files, Windows from its device manager."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from doctor.machine import PnpDevice, read_machine
from doctor.windows import parse_device_manager

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")


def put(root: Path, loaded: str, vendor: str, pci_class: str) -> None:
    folder = root / "sys/bus/pci/devices" / loaded
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n", encoding="utf-8")
    (folder / "class").write_text(f"{pci_class}\n", encoding="utf-8")


@linux
def test_the_bus_tells_intels_gpu_and_npu(tmp_path: Path) -> None:
    put(tmp_path, "0000:00:02.0", "0x8086", "0x030000")
    put(tmp_path, "0000:00:0b.0", "0x8086", "0x120000")
    put(tmp_path, "0000:01:00.0", "0x10de", "0x030000")
    assert read_machine(tmp_path).hardware == {"GPU", "NPU"}


@linux
def test_another_makers_card_is_none_of_intels(tmp_path: Path) -> None:
    put(tmp_path, "0000:01:00.0", "0x10de", "0x030000")
    put(tmp_path, "0000:00:1f.0", "0x8086", "0x060100")
    assert read_machine(tmp_path).hardware == frozenset()
    assert read_machine(tmp_path / "elsewhere").hardware is None


@linux
def test_device_files_and_who_may_open_them(tmp_path: Path) -> None:
    for path in ("dev/dri/renderD128", "dev/dri/card0", "dev/accel/accel0"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "dev/accel/accel0").chmod(0)
    machine = read_machine(tmp_path)
    (render,) = machine.gpu_nodes
    assert render.path.endswith("renderD128")
    assert render.accessible
    assert render.group == (tmp_path / "dev").group()
    assert machine.npu_nodes[0].accessible == (os.geteuid() == 0)
    assert not machine.container
    (tmp_path / ".dockerenv").touch()
    assert read_machine(tmp_path).container


def test_windows_device_manager() -> None:
    text = (
        '[{"Name":"Intel(R) Arc(TM) 140V GPU (16GB)","PNPClass":"Display","ConfigManagerErrorCode":0},'
        '{"Name":"Intel(R) AI Boost","PNPClass":"ComputeAccelerator","ConfigManagerErrorCode":43},'
        '{"Name":"NVIDIA GeForce RTX 4060","PNPClass":"Display","ConfigManagerErrorCode":0}]'
    )
    expected = (PnpDevice("Intel(R) Arc(TM) 140V GPU (16GB)", "GPU"), PnpDevice("Intel(R) AI Boost", "NPU", 43))
    assert parse_device_manager("\ufeff" + text) == expected


@pytest.mark.parametrize("text", ["", "null", "no JSON", "[]", "[1]", '{"Name":null,"PNPClass":"Display"}'])
def test_windows_device_manager_without_an_intel_device(text: str) -> None:
    assert parse_device_manager(text) == ()


def test_windows_names_a_single_device_without_a_list() -> None:
    text = '{"Name":"Intel(R) UHD Graphics 770","PNPClass":"Display","ConfigManagerErrorCode":0}'
    assert parse_device_manager(text) == (PnpDevice("Intel(R) UHD Graphics 770", "GPU"),)
