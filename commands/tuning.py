"""`tune`: find out with which settings a model is quickest here."""

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
        output.progress(f"Trying {_name(settings)} …")
        output.step({"trying": msgspec.to_builtins(settings)})

    def skip(reason: CannotTune) -> None:
        output.progress(f"Left out: {reason}")
        output.step({"left_out": str(reason)})

    try:
        tuning = await run(
            options.device, options.model, options.data_dir.resolve(), work=options.work, on_trial=tell, on_skipped=skip
        )
    except (CannotTune, ConfigError, DeviceUnavailable, OSError) as error:
        raise CommandFailed(str(error), code=FAILED) from error
    output.document(_document(tuning))
    output.table(
        ("SETTINGS", "NEW CONVERSATION", "SECOND TURN", "TOKENS/S", "FOUR AT ONCE", "TOGETHER"),
        [_row(trial) for trial in tuning.trials],
        right=("NEW CONVERSATION", "SECOND TURN", "TOKENS/S", "FOUR AT ONCE", "TOGETHER"),
    )
    gain = tuning.trials[0].seconds / tuning.best_trial.seconds
    found = f"{_name(tuning.best)}, {gain:.2f} times the default" if gain > 1 else f"the default, {_name(tuning.best)}"
    output.say(f"Best for {tuning.work} with {tuning.model} on {tuning.device}: {found}.", style="bold")
    when = " from its next restart on" if backend.running else ""
    output.say(f'A model with "pipeline": "auto" follows that{when}, but for what its settings say themselves.')
    return 0


def _name(settings: PipelineSettings) -> str:
    parts = (
        (settings.max_num_batched_tokens, "{} tokens a step"),
        (settings.threads, "{} threads"),
        (settings.kv_cache_precision, "{} KV cache"),
        (settings.prompt_lookup, "{} tokens guessed from the prompt"),
        (settings.drafted_tokens, "{} tokens drafted"),
    )
    return ", ".join([settings.pipeline, *(words.format(value) for value, words in parts if value is not None)])


def _row(trial: TuningTrial) -> tuple[str, ...]:
    first, second = f"{trial.cold_seconds:.2f} s", f"{trial.second_turn_seconds:.2f} s"
    speed, four = f"{trial.tokens_per_second:.1f}", f"{trial.four_streams_seconds:.2f} s"
    return (_name(trial.settings), first, second, speed, four, f"{trial.seconds:.2f} s")


def _document(tuning: Tuning) -> dict[str, object]:
    return {**msgspec.to_builtins(tuning), "best": msgspec.to_builtins(tuning.best)}
