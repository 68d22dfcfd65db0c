"""`tune`: find out which kind of pipeline serves a model best here."""

from __future__ import annotations

import argparse

import msgspec

from commands.backend import AdminBackend
from commands.errors import FAILED, CommandFailed
from commands.output import Output
from configuration.device_config import ConfigError
from configuration.tuning_store import PipelineSettings, Tuning, TuningTrial
from hardware.devices import DeviceUnavailable


async def tune(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    from tuning.tune import CannotTune
    from tuning.tune import tune as run

    def tell(settings: PipelineSettings) -> None:
        output.say(f"Trying {_name(settings)} …")

    try:
        tuning = await run(options.device, options.model, options.data_dir.resolve(), on_trial=tell)
    except (CannotTune, ConfigError, DeviceUnavailable, OSError) as error:
        raise CommandFailed(str(error), code=FAILED) from error
    output.document(_document(tuning))
    output.table(
        ("PIPELINE", "NEW CONVERSATION", "SECOND TURN", "TOKENS/S", "FOUR AT ONCE", "TOGETHER"),
        [_row(trial) for trial in tuning.trials],
        right=("NEW CONVERSATION", "SECOND TURN", "TOKENS/S", "FOUR AT ONCE", "TOGETHER"),
    )
    output.say(f"Best for {tuning.model} on {tuning.device}: {_name(tuning.best)}.", style="bold")
    when = " from its next restart on" if backend.running else ""
    output.say(f'A model with "pipeline": "auto" follows that{when}.')
    return 0


def _name(settings: PipelineSettings) -> str:
    batch = settings.max_num_batched_tokens
    return settings.pipeline if batch is None else f"{settings.pipeline}, {batch} tokens a step"


def _row(trial: TuningTrial) -> tuple[str, ...]:
    first, second = f"{trial.cold_seconds:.2f} s", f"{trial.second_turn_seconds:.2f} s"
    speed, four = f"{trial.tokens_per_second:.1f}", f"{trial.four_streams_seconds:.2f} s"
    return (_name(trial.settings), first, second, speed, four, f"{trial.seconds:.2f} s")


def _document(tuning: Tuning) -> dict[str, object]:
    return {**msgspec.to_builtins(tuning), "best": msgspec.to_builtins(tuning.best)}
