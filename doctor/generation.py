"""One token on each device, with the model that comes with the program: the whole way through driver and compiler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from doctor.children import ChildResult, run_probe
from doctor.findings import Finding
from doctor.hardware import DeviceReport

GENERATION_SECONDS = 180.0
Generate = Callable[[str, Path], Awaitable[ChildResult]]


async def generate_one(device: str, model: Path) -> ChildResult:
    return await run_probe(["generate", device, str(model)], seconds=GENERATION_SECONDS)


async def examine_generation(
    reports: Sequence[DeviceReport],
    model: Path | None,
    *,
    in_use: Collection[str] = (),
    generate: Generate = generate_one,
) -> list[Finding]:
    """in_use: OpenVINO devices on which models of ours are loaded. An NPU that two programs use at once may be lost to
    both, so it is left alone then."""
    if model is None or not await asyncio.to_thread(model.is_dir):
        return [Finding("no_demo_model", "note", "devices", {"path": str(model or "–")}, advice="advice")]
    findings: list[Finding] = []
    for report in reports:  # one after another: they share the memory, and some of them a driver
        if not report.usable:
            continue
        if report.info.kind == "NPU" and report.name in in_use:
            findings.append(Finding("generation_left_out", "ok", "devices", subject=report.name))
        else:
            findings.append(describe_generation(report.name, await generate(report.name, model)))
    return findings


def describe_generation(device: str, result: ChildResult) -> Finding:
    if result.answer is not None:
        values = {"load": result.answer["load_seconds"], "token": result.answer["token_seconds"]}
        return Finding("generation_answered", "ok", "devices", values, device)
    values = {"reason": result.reason or "–", "seconds": int(result.seconds)}
    return Finding(f"generation_{result.ending}", "problem", "devices", values, device, "advice")
