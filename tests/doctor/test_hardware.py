"""What is said of real hardware, and of hardware whose driver is missing, closed or broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doctor.children import ChildResult
from doctor.findings import Finding
from doctor.hardware import examine_configured, examine_devices, reports_of
from doctor.machine import MachineFacts, Node, PnpDevice
from tests.doctor.conftest import Said, by_subject
from tests.doctor.recorded import A770, ARROW_LAKE_NPU, B580, CPU_ONLY, LUNAR_LAKE, NVIDIA, gpu, listing

LINUX = MachineFacts("linux", user="lan", hardware=frozenset({"GPU", "NPU"}))
RENDER = Node("/dev/dri/renderD128", accessible=True, group="render")
ACCEL = Node("/dev/accel/accel0", accessible=True, group="render")


def test_lunar_lake(said: Said) -> None:
    found = by_subject(examine_devices(listing(*LUNAR_LAKE), LINUX))
    assert {finding.level for finding in found.values()} == {"ok"}
    text = said(found["shared_device_found", "GPU"])
    assert "Intel(R) Arc(TM) 140V GPU (16GB) (iGPU)" in text
    assert "17.7 GB" in text
    assert "20.4.4" in text
    assert "4000" in said(found["shared_device_found", "NPU"])
    assert "Ultra 9 288V" in said(found["cpu_found", "CPU"])


@pytest.mark.parametrize(("card", "memory"), [(A770, "16.2 GB"), (B580, "12.2 GB")])
def test_a_card_has_memory_of_its_own(card: dict[str, Any], memory: str, said: Said) -> None:
    machine = replace(LINUX, hardware=frozenset({"GPU"}))
    found = by_subject(examine_devices(listing(*CPU_ONLY, gpu(card)), machine))
    text = said(found["device_found", "GPU"])
    assert str(card["FULL_DEVICE_NAME"]) in text
    assert memory in text
    assert found["no_hardware", "NPU"].level == "note"
    assert "NPU" in said(found["no_hardware", "NPU"])


def test_two_cards_of_which_one_is_of_another_maker(said: Said) -> None:
    found = by_subject(examine_devices(listing(*CPU_ONLY, gpu(B580, "GPU.0"), gpu(NVIDIA, "GPU.1")), LINUX))
    assert found["device_found", "GPU.0"].level == "ok"
    assert found["foreign_gpu", "GPU.1"].level == "note"
    assert "RTX 5090" in said(found["foreign_gpu", "GPU.1"])


def test_a_card_of_another_maker_is_no_gpu_for_us() -> None:
    machine = MachineFacts("linux", hardware=frozenset())
    found = by_subject(examine_devices(listing(*CPU_ONLY, gpu(NVIDIA)), machine))
    assert ("no_hardware", "GPU") in found


def test_the_npus_memory_and_driver_are_told(said: Said) -> None:
    found = by_subject(examine_devices(listing(*CPU_ONLY, ARROW_LAKE_NPU), LINUX))
    text = said(found["shared_device_found", "NPU"])
    assert "34.4 GB" in text
    assert "1004778" in text
    assert "3720" in text


@pytest.mark.parametrize(("version", "known"), [("32.0.101.8425", True), ("32.0.101.6000", False), ("", False)])
def test_a_driver_that_is_known_to_make_trouble(version: str, known: bool, said: Said) -> None:
    found = by_subject(examine_devices(listing(gpu(B580 | {"DRIVER_VERSION": version})), LINUX))
    assert (version or "–") in said(found["device_found", "GPU"])
    assert (("known_driver", "GPU") in found) == known
    if known:
        assert found["known_driver", "GPU"].level == "warning"
        assert "8425" in said(found["known_driver", "GPU"])


def test_a_driver_that_gives_out_small_pieces_only(said: Said) -> None:
    limited = A770 | {"GPU_DEVICE_MAX_ALLOC_MEM_SIZE": 4294959104}
    finding = by_subject(examine_devices(listing(gpu(limited)), LINUX))["small_allocations", "GPU"]
    assert finding.level == "note"
    assert "4.3 GB" in said(finding)
    unlimited = A770 | {"GPU_DEVICE_MAX_ALLOC_MEM_SIZE": 16225243136}
    assert ("small_allocations", "GPU") not in by_subject(examine_devices(listing(gpu(unlimited)), LINUX))


def _missing(kind: str, machine: MachineFacts) -> Finding:
    findings = examine_devices(listing(*CPU_ONLY), machine)
    return next(finding for finding in findings if finding.subject == kind)


def test_a_device_file_that_the_user_may_not_open(said: Said) -> None:
    closed = replace(RENDER, accessible=False)
    finding = _missing("GPU", replace(LINUX, gpu_nodes=(closed,)))
    assert (finding.id, finding.level) == ("no_access", "problem")
    assert finding.command == "sudo usermod -aG render lan"
    assert "/dev/dri/renderD128" in said(finding)
    closed = replace(ACCEL, accessible=False, group=None)
    assert _missing("NPU", replace(LINUX, npu_nodes=(closed,))).command == "sudo usermod -aG render lan"


MISSING: Mapping[str, tuple[MachineFacts, str, str, str]] = {
    "no compute runtime": (replace(LINUX, gpu_nodes=(RENDER,)), "GPU", "no_runtime", "intel-opencl-icd"),
    "no level zero": (replace(LINUX, npu_nodes=(ACCEL,)), "NPU", "no_runtime", "intel-level-zero-npu"),
    "no kernel driver for the GPU": (LINUX, "GPU", "no_driver", "i915"),
    "no kernel driver for the NPU": (LINUX, "NPU", "no_driver", "intel_vpu"),
    "a container": (replace(LINUX, container=True), "GPU", "no_driver", "--device /dev/dri"),
    "WSL without the runtime": (MachineFacts("linux", wsl=True, hardware=frozenset()), "GPU", "no_runtime", "opencl"),
    "WSL has no NPU": (MachineFacts("linux", wsl=True, hardware=frozenset()), "NPU", "no_npu_in_wsl", "Windows"),
    "a bus that cannot be read": (MachineFacts("linux"), "NPU", "not_listed", "Core Ultra"),
    "Windows without a driver": (MachineFacts("windows"), "GPU", "not_listed", "Windows"),
    "Windows without the NPU's driver": (MachineFacts("windows"), "NPU", "not_listed", "AI Boost"),
}


@pytest.mark.parametrize("case", MISSING)
def test_why_a_device_is_missing(case: str, said: Said) -> None:
    machine, kind, id, word = MISSING[case]
    finding = _missing(kind, machine)
    assert finding.id == id
    assert word in said(finding)


def test_windows_lists_a_device_that_openvino_does_not() -> None:
    npu = PnpDevice("Intel(R) AI Boost", "NPU")
    machine = MachineFacts("windows", hardware=frozenset({"NPU"}), pnp=(npu,))
    assert _missing("NPU", machine).level == "warning"
    assert _missing("GPU", machine).level == "note"


def test_windows_reports_a_device_with_an_error(said: Said) -> None:
    npu = PnpDevice("Intel(R) AI Boost", "NPU", problem=43)
    findings = examine_devices(listing(*CPU_ONLY), MachineFacts("windows", hardware=frozenset({"NPU"}), pnp=(npu,)))
    finding = by_subject(findings)["windows_problem", "Intel(R) AI Boost"]
    assert finding.level == "problem"
    assert "43" in said(finding)


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (ChildResult("failed", reason="ImportError: DLL load failed"), "DLL load failed"),
        (ChildResult("crashed", reason="SIGSEGV"), "SIGSEGV"),
        (ChildResult("timeout", seconds=60), "60"),
    ],
)
def test_openvino_itself_does_not_work(result: ChildResult, word: str, said: Said) -> None:
    (finding,) = examine_devices(result, LINUX)
    assert finding.level == "problem"
    assert finding.advice
    assert word in said(finding)


def test_a_server_that_will_not_run_on_what_it_asks_for(said: Said) -> None:
    reports = reports_of(listing(*CPU_ONLY, gpu(B580)))
    wanted = {"gpu": ("GPU", "CPU"), "npu": ("NPU", "CPU"), "npu2": ("NPU", None), "both": ("AUTO", None)}
    found = by_subject(examine_configured(reports, wanted))
    assert set(found) == {("runs_on_fallback", "npu"), ("device_unavailable", "npu2")}
    assert "Ryzen" in said(found["runs_on_fallback", "npu"])
    assert found["device_unavailable", "npu2"].level == "problem"
    assert "fallback_device" in said(found["device_unavailable", "npu2"])
