"""How a model is exported: the options of `optimum-cli export openvino`, by device, weights and task.

NPU: the compiler takes language models in symmetric 4 bits only, one scale a row, all layers alike (OpenVINO's
documentation, "OpenVINO GenAI on NPU"). GPU and CPU: 4 bits in groups of 128. Small models (embedding models,
rerankers, Whisper) lose more by 4 bits than they gain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conversion.architectures import ConversionTask
from conversion.errors import NotConvertible
from conversion.source import ModelSource
from notices import Notice

TargetDevice = Literal["gpu", "npu", "cpu"]
Weights = Literal["int4", "int8", "fp16"]
DEVICES: tuple[TargetDevice, ...] = ("gpu", "npu", "cpu")
WEIGHTS: tuple[Weights, ...] = ("int4", "int8", "fp16")

_TASK_NAMES: dict[ConversionTask, str] = {
    "text": "text-generation-with-past",
    "embedding": "feature-extraction",
    "reranker": "text-classification",
    "speech": "automatic-speech-recognition-with-past",
    "vision": "image-text-to-text",
}
_GENERATING: tuple[ConversionTask, ...] = ("text", "vision")
_GROUPS = (128, 64, 32)
BYTES_PER_PARAMETER: dict[Weights, float] = {"int4": 0.6, "int8": 1.05, "fp16": 2.1}
"""Of the converted model, scales and what stays in 8 bits included."""


@dataclass(frozen=True)
class ExportRecipe:
    """`options`: of `optimum-cli export openvino`. `suffix`: what the hub's converted models have in their names."""

    task: ConversionTask
    device: TargetDevice
    weights: Weights
    options: tuple[str, ...]
    suffix: str

    @property
    def command(self) -> str:
        """What one would type."""
        return " ".join(("optimum-cli export openvino", *self.options))


def default_weights(task: ConversionTask, device: TargetDevice) -> Weights:
    if task in _GENERATING:
        return "int4"
    return "fp16" if device == "npu" else "int8"


def choose_recipe(source: ModelSource, device: TargetDevice, weights: Weights | None) -> ExportRecipe:
    """Raises NotConvertible where the device does not take such a model."""
    weights = weights or default_weights(source.task, device)
    channel_wise = device == "npu" and weights == "int4"
    if device == "npu":
        _check_npu(source, weights)
    options = ["--task", _TASK_NAMES[source.task], "--weight-format", weights]
    if weights == "int4" and channel_wise:
        options += ["--sym", "--group-size", "-1", "--ratio", "1.0"]
    elif weights == "int4":
        options += ["--group-size", str(_group(source.widths)), "--ratio", "1.0"]
    if source.task == "embedding":
        # Only sentence-transformers exports a layer behind the pooling; without one the pooling stays a setting.
        options += ["--library", "sentence_transformers" if source.dense else "transformers"]
    if source.needs_code:
        options.append("--trust-remote-code")
    return ExportRecipe(source.task, device, weights, tuple(options), f"{weights}{'-cw' if channel_wise else ''}-ov")


def _check_npu(source: ModelSource, weights: Weights) -> None:
    if source.task == "reranker":
        raise NotConvertible(Notice("notices.rerankers_not_on_npu"))
    if source.dense:
        raise NotConvertible(Notice("notices.npu_vector_shapes"))
    if source.task in _GENERATING and weights != "int4":
        raise NotConvertible(Notice("notices.npu_takes_int4", weights=weights))


def _group(widths: tuple[int, ...]) -> int:
    """The largest group that every matrix can be cut into; -1, a scale for a whole row, where none fits."""
    fitting = (group for group in _GROUPS if all(width % group == 0 for width in widths))
    return next(fitting, -1)
