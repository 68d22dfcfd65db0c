"""`bench`: a model's speed on this machine in standard rows, and two of such measurements beside each other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from commands.backend import AdminBackend
from commands.errors import FAILED, CommandFailed
from commands.output import Output
from configuration.device_config import ConfigError, ConfigStore
from hardware.devices import DeviceUnavailable

if TYPE_CHECKING:
    from tuning.bench_report import BenchReport, BenchRow

_COLUMNS = ("PROMPT", "STREAMS", "FIRST TOKEN", "TOKENS/S", "MEMORY")
_COMPARED = ("PROMPT", "STREAMS", "FIRST TOKEN", "", "TOKENS/S", "", "MEMORY", "")


async def bench(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.model[:1] == ["compare"]:
        return _compare(options.model[1:], output)
    if len(options.model) > 1:
        raise CommandFailed("Name one model, or: bench compare A.json B.json", code=FAILED)
    from doctor.resources import read_power
    from tuning.bench import Power
    from tuning.bench import bench as run
    from tuning.tune import CannotTune

    data_dir = options.data_dir.resolve()
    try:
        model = options.model[0] if options.model else _first_model(data_dir, options.device)
        report = await run(
            options.device,
            model,
            data_dir,
            Power(*read_power()),
            quick=options.quick,
            on_row=lambda row: output.errors.print(" ".join(_cells(row))) if output.errors.is_terminal else None,
        )
        if options.output:
            options.output.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    except (CannotTune, ConfigError, DeviceUnavailable, OSError) as error:
        raise CommandFailed(str(error), code=FAILED) from error
    output.document(msgspec.to_builtins(report))
    _show(report, output)
    return 0


def _first_model(data_dir: Path, device: str) -> str:
    settings = ConfigStore(data_dir / "device_config.json").load().devices.get(device)
    if settings is None or not settings.models:
        raise CommandFailed(f'The device "{device}" has no models: name one that is assigned to it.', code=FAILED)
    return settings.models[0].id


def _show(report: BenchReport, output: Output) -> None:
    machine = report.machine
    driver = f", driver {machine.driver}" if machine.driver else ""
    output.say(f"{report.model} ({report.quantization or 'not quantized'}) on {machine.device}{driver}", style="bold")
    output.say(f"OpenVINO GenAI {machine.openvino_genai}, {machine.system}, Python {machine.python}")
    if machine.on_battery:
        output.say("This machine runs on its battery: it is quicker with its power supply.", style="yellow")
    elif machine.power_profile:
        output.say(f"Power profile: {machine.power_profile}")
    output.table(_COLUMNS, [_cells(row) for row in report.rows], right=_COLUMNS)
    for reason in report.skipped:
        output.say(f"Left out: {reason}")


def _cells(row: BenchRow) -> tuple[str, ...]:
    memory = "-" if row.memory_bytes is None else f"{row.memory_bytes / 1e9:.2f} GB"
    first = f"{row.first_token_ms:,.0f} ms"
    return (f"{row.prompt_tokens:,}", str(row.streams), first, f"{row.tokens_per_second:,.1f}", memory)


def _compare(files: list[str], output: Output) -> int:
    from tuning.bench_report import compared, differences, read_report

    if len(files) != 2:
        raise CommandFailed("Two measurements are compared: bench compare A.json B.json", code=FAILED)
    try:
        one, other = (read_report(Path(file)) for file in files)
    except (OSError, ValueError) as error:
        raise CommandFailed(str(error), code=FAILED) from error
    pairs, unlike = compared(one, other), list(differences(one, other))
    output.document(
        {
            "differences": unlike,
            "rows": [{"a": msgspec.to_builtins(first), "b": msgspec.to_builtins(second)} for first, second in pairs],
        }
    )
    for line in unlike:
        output.say(line)
    rows = [_beside(first, second) for first, second in pairs]
    output.table(_COMPARED, rows, right=_COMPARED)
    if not pairs:
        output.say("They have no row in common.")
    return 0


def _beside(one: BenchRow, other: BenchRow) -> tuple[str, ...]:
    a, b = _cells(one), _cells(other)
    first = f"{b[2]} ({other.first_token_ms / one.first_token_ms:.2f}×)" if one.first_token_ms else b[2]
    speed = f"{b[3]} ({other.tokens_per_second / one.tokens_per_second:.2f}×)" if one.tokens_per_second else b[3]
    return (a[0], a[1], a[2], first, a[3], speed, a[4], b[4])
