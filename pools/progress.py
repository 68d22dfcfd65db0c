"""How far the loading of an instance is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loading:
    """`since` in seconds since the epoch; `compiling`: nothing is there that was compiled for this model before, which
    makes the first load on a GPU or an NPU take many times as long as a later one."""

    since: float
    compiling: bool
