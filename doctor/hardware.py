"""Which devices OpenVINO finds, and where one that is in the machine is missing from its list: why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from doctor.children import ChildResult
from doctor.drivers import known_troubles
from doctor.findings import Finding
from doctor.machine import Kind, MachineFacts
from hardware.devices import DeviceInfo, DeviceUnavailable, describe_device, resolve_device

_KINDS: tuple[Kind, ...] = ("GPU", "NPU")
_SMALL_ALLOCATION = 4.3e9
_SERVED = ("GPU", "NPU", "CPU")


@dataclass(frozen=True)
class DeviceReport:
    """One device as OpenVINO's properties describe it; `properties` as `doctor.probe` reads them."""

    name: str
    properties: Mapping[str, Any]

    @property
    def info(self) -> DeviceInfo:
        return describe_device(self.name, str(self.properties.get("FULL_DEVICE_NAME", "")))

    @property
    def memory_bytes(self) -> int | None:
        value = self.properties.get("GPU_DEVICE_TOTAL_MEM_SIZE") or self.properties.get("NPU_DEVICE_TOTAL_MEM_SIZE")
        return int(value) if value else None

    @property
    def architecture(self) -> str:
        """`20.4.4` of a GPU's "GPU: vendor=0x8086 arch=v20.4.4", `4000` of an NPU."""
        return str(self.properties.get("DEVICE_ARCHITECTURE", "")).rpartition("arch=")[2].removeprefix("v")

    @property
    def driver(self) -> str:
        """Its version, as the NPU's plugin or, for a GPU, `doctor.drivers` tells it."""
        return str(self.properties.get("DRIVER_VERSION") or self.properties.get("NPU_DRIVER_VERSION") or "")

    @property
    def driver_text(self) -> str:
        """That, with the kernel's part of it."""
        return " / ".join(filter(None, (self.driver, str(self.properties.get("KERNEL_DRIVER", "")))))

    @property
    def discrete(self) -> bool:
        return "DISCRETE" in str(self.properties.get("DEVICE_TYPE", "")).upper()

    @property
    def usable(self) -> bool:
        """OpenVINO lists cards of other makers too, on which its kernels fail."""
        return self.info.kind in _SERVED and (self.info.kind != "GPU" or self.info.vendor in ("Intel", None))


def reports_of(result: ChildResult) -> tuple[DeviceReport, ...]:
    devices = result.answer["devices"] if result.answer else ()
    return tuple(DeviceReport(device["name"], device["properties"]) for device in devices)


def examine_devices(result: ChildResult, machine: MachineFacts) -> list[Finding]:
    """Everything about OpenVINO and what it lists."""
    if result.answer is None:
        values = {"reason": result.reason or "–", "seconds": int(result.seconds)}
        return [Finding(f"openvino_{result.ending}", "problem", "software", values, advice="advice")]
    reports = reports_of(result)
    findings = [Finding("openvino_version", "ok", "software", {"version": result.answer["version"]})]
    for report in reports:
        findings.extend(_describe(report))
    listed = {report.info.kind for report in reports if report.usable}
    for kind in _KINDS:
        if kind not in listed:
            findings.append(_why_missing(kind, machine))
        findings.extend(_broken_in_windows(kind, machine))
    return findings


def _describe(report: DeviceReport) -> Iterator[Finding]:
    name = report.info.full_name
    if not report.usable:
        yield Finding("foreign_gpu", "note", "devices", {"name": name}, subject=report.name)
        return
    memory = report.memory_bytes
    values = {
        "name": name,
        "memory": gigabytes(memory) if memory else "–",
        "architecture": report.architecture or "–",
        "driver": report.driver_text or "–",
    }
    if report.info.kind == "CPU":
        key = "cpu_found"
    elif report.discrete:
        key = "device_found"
    else:
        key = "shared_device_found"
    yield Finding(key, "ok", "devices", values, subject=report.name)
    for trouble in known_troubles(report.driver, report.info.kind):
        said = {"version": report.driver, "name": name}
        yield Finding("known_driver", "warning", "devices", said, report.name, str(trouble["trouble"]))
    largest = int(report.properties.get("GPU_DEVICE_MAX_ALLOC_MEM_SIZE") or 0)
    if 0 < largest <= _SMALL_ALLOCATION and (memory or 0) > largest:
        yield Finding("small_allocations", "note", "devices", {"limit": gigabytes(largest)}, report.name, "advice")


def _why_missing(kind: Kind, machine: MachineFacts) -> Finding:
    """From the most certain reason to the least."""
    values: dict[str, object] = {"kind": kind, "user": machine.user}
    suffix = kind.lower()
    if machine.system == "windows":
        level = "warning" if kind in (machine.hardware or ()) else "note"
        return Finding("not_listed", level, "devices", values, kind, f"advice_{suffix}_windows")
    if kind == "NPU" and machine.wsl:
        return Finding("no_npu_in_wsl", "note", "devices", values, kind, "advice")
    closed = next((node for node in machine.nodes(kind) if not node.accessible), None)
    if closed is not None:
        values |= {"path": closed.path, "group": closed.group or "render"}
        command = f"sudo usermod -aG {values['group']} {machine.user}"
        return Finding("no_access", "problem", "devices", values, kind, "advice", command)
    if machine.nodes(kind) or (kind == "GPU" and machine.wsl):
        command = "sudo apt install intel-opencl-icd" if kind == "GPU" else None
        return Finding("no_runtime", "problem", "devices", values, kind, f"advice_{suffix}", command)
    if machine.hardware is None:
        return Finding("not_listed", "note", "devices", values, kind, f"advice_{suffix}")
    if kind not in machine.hardware:
        return Finding("no_hardware", "note", "devices", values, kind)
    advice = "advice_container" if machine.container else f"advice_{suffix}"
    return Finding("no_driver", "problem", "devices", values, kind, advice)


def _broken_in_windows(kind: Kind, machine: MachineFacts) -> Iterator[Finding]:
    for device in machine.pnp:
        if device.kind == kind and device.problem:
            values = {"name": device.name, "code": device.problem}
            yield Finding("windows_problem", "problem", "devices", values, device.name, "advice")


def examine_configured(reports: Sequence[DeviceReport], wanted: Mapping[str, tuple[str, str | None]]) -> list[Finding]:
    """Where a configured device server will not run on what it asks for. wanted: name → (device, its fallback)."""
    available = [report.info for report in reports]
    findings = []
    for server, (device, fallback) in wanted.items():
        try:
            resolved = resolve_device(device, fallback, available)
        except DeviceUnavailable:
            values = {"device": device, "fallback": fallback or "–"}
            findings.append(Finding("device_unavailable", "problem", "configuration", values, server, "advice"))
            continue
        if resolved.fallback_reason:
            values = {"device": device, "used": resolved.used, "name": resolved.full_name}
            findings.append(Finding("runs_on_fallback", "note", "configuration", values, server))
    return findings


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
