"""Before anything large is fetched or made: is there room on the disk and in memory, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass

import humanize

from conversion.errors import NotEnoughMemory
from conversion.recipes import BYTES_PER_PARAMETER, ExportRecipe
from memory.readings import MemoryReading
from notices import Notice
from registry.downloader import RESERVE_BYTES
from registry.errors import NotEnoughDisk

_BYTES_PER_SOURCE_PARAMETER = 2
"""Weights come in 16 bits. Those that come in 32 are counted twice, which errs on the safe side."""
_INTERPRETER_BYTES = 1_000_000_000
_COPIES_IN_MEMORY = 1.5
"""The weights as read and the graph made of them, beside torch and all it loads. Measured with 0.95 GB of weights in 16
bits: 2.2 GB at the highest, 1.9 GB with int4."""


@dataclass(frozen=True)
class ConversionSize:
    """Bytes. `download`: still to come; `work`: files that are written on the way and deleted; `result`: the model;
    `tools`: the converter, where it is not here yet; `memory`: at the highest."""

    download: int
    work: int
    result: int
    tools: int
    memory: int

    @property
    def disk(self) -> int:
        return self.download + self.work + self.result + self.tools


def reckon(
    weights_bytes: int, recipe: ExportRecipe, *, download: int, tools: int, merged: bool = False
) -> ConversionSize:
    """`weights_bytes`: of the safetensors files; `merged`: an adapter makes another copy of them."""
    parameters = weights_bytes / _BYTES_PER_SOURCE_PARAMETER
    intermediate = parameters * BYTES_PER_PARAMETER["fp16"] if recipe.weights != "fp16" else 0
    return ConversionSize(
        download=download,
        work=int(intermediate) + (weights_bytes if merged else 0),
        result=int(parameters * BYTES_PER_PARAMETER[recipe.weights]),
        tools=tools,
        memory=int(weights_bytes * _COPIES_IN_MEMORY) + _INTERPRETER_BYTES,
    )


def check_disk(size: ConversionSize, free: int) -> None:
    """Raises NotEnoughDisk."""
    if size.disk + RESERVE_BYTES > free:
        raise NotEnoughDisk.of(size.disk + RESERVE_BYTES, free)


def check_memory(size: ConversionSize, memory: MemoryReading) -> None:
    """Raises NotEnoughMemory."""
    if size.memory <= memory.available:
        return
    needed, available = humanize.naturalsize(size.memory), humanize.naturalsize(memory.available)
    if size.memory > memory.total:
        sentence = Notice("notices.conversion_memory_never", needed=needed, total=humanize.naturalsize(memory.total))
    else:
        sentence = Notice("notices.conversion_memory", needed=needed, available=available)
    raise NotEnoughMemory(sentence, needed_bytes=size.memory, available_bytes=memory.available)


def licence_note(license_id: str | None) -> str:
    """What to know of the licence; the converted model stays under it."""
    if not license_id:
        return Notice("notices.conversion_no_licence")
    if "-nd" in license_id.lower():
        return Notice("notices.conversion_no_derivatives", licence=license_id)
    return Notice("notices.conversion_licence", licence=license_id)
