"""Which driver belongs to which GPU, and what OpenCL tells where it is there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from doctor.drivers import _KNOWN, Driver, gpu_driver, kernel_driver, known_troubles, read_drivers
from doctor.findings import Finding
from tests.doctor.conftest import Said

ARC = "Intel(R) Arc(TM) B580 Graphics"


@pytest.mark.parametrize(
    ("name", "uuid", "drivers", "version"),
    [
        (f"{ARC} (dGPU)", "", [Driver(ARC, "1.2")], "1.2"),
        (f"{ARC} (dGPU)", "0b", [Driver(ARC, "1.2", "0a"), Driver(ARC, "3.4", "0b")], "3.4"),
        (f"{ARC} (dGPU)", "", [Driver(ARC, "1.2"), Driver(ARC, "1.2")], "1.2"),
        (f"{ARC} (dGPU)", "", [Driver(ARC, "1.2"), Driver(ARC, "3.4")], ""),
        (f"{ARC} (dGPU)", "0c", [Driver("NVIDIA GeForce RTX 5090", "570", "0a")], ""),
    ],
)
def test_a_gpu_gets_its_own_drivers_version(name: str, uuid: str, drivers: list[Driver], version: str) -> None:
    assert gpu_driver(name, uuid, drivers) == version


@pytest.mark.skipif(os.name == "nt", reason="links as in Linux' sysfs need rights on Windows")
def test_what_drives_a_gpu_on_linux(tmp_path: Path) -> None:
    assert kernel_driver(tmp_path) == ""
    for number, name in enumerate(("amdgpu", "xe")):
        driver = tmp_path / "drivers" / name
        driver.mkdir(parents=True)
        device = tmp_path / "sys/class/drm" / f"renderD{128 + number}" / "device"
        device.mkdir(parents=True)
        (device / "driver").symlink_to(driver)
    assert kernel_driver(tmp_path).startswith("xe, ")


def test_asking_for_drivers_never_fails() -> None:
    assert all(driver.version for driver in read_drivers())


def test_every_known_trouble_is_put_into_words(said: Said) -> None:
    entries = json.loads(_KNOWN.read_text(encoding="utf-8"))["drivers"]
    assert entries
    for entry in entries:
        values = {"name": ARC, "version": entry["versions"][0]}
        text = said(Finding("known_driver", "warning", "devices", values, "GPU", entry["trouble"]))
        assert "known_driver." not in text
        assert [entry] == known_troubles(entry["versions"][0], entry["device"])
