"""Which models the doctor recommends for what it has found."""

from __future__ import annotations

from collections.abc import Sequence

from doctor.findings import Finding
from doctor.hardware import DeviceReport
from memory.readings import default_reserve, read_system_memory
from pools.instance_plan import estimated_bytes
from registry.catalogue import bundled_entries
from registry.recommend import DeviceBudget, Hardware, Recommendation, recommend


def recommendations_for(reports: Sequence[DeviceReport]) -> list[Recommendation]:
    """Three models for each device that OpenVINO lists and can serve from."""
    total = read_system_memory().total
    budget = total - default_reserve(total)
    seats = [_seat(report, budget) for report in reports if report.usable]
    return [recommend(bundled_entries(), seat, estimated_bytes) for seat in seats]


def recommended_models(reports: Sequence[DeviceReport]) -> list[Finding]:
    findings: list[Finding] = []
    for each in recommendations_for(reports):
        values = {choice.level: choice.model for choice in each.choices}
        if values:
            names = {level: values.get(level, "–") for level in ("quick", "balanced", "best")}
            findings.append(Finding("recommended", "ok", "devices", {"name": each.full_name, **names}, each.device))
    return findings


def _seat(report: DeviceReport, shared: int) -> DeviceBudget:
    hardware = _hardware(report)
    budget = (report.memory_bytes or shared) if hardware == "dgpu" else shared
    return DeviceBudget(report.name, report.info.full_name, hardware, budget)


def _hardware(report: DeviceReport) -> Hardware:
    kind = report.info.kind
    if kind == "NPU":
        return "npu"
    return "cpu" if kind == "CPU" else "dgpu" if report.discrete else "igpu"
