"""Every step of a picture is told once, however far behind the library's own callbacks are."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import openvino as ov
import pytest

from instances.images import GenerateImage, ImageGenerator, ImageStep


class _Pipeline:
    """Calls back for some of its steps only, as the library's thread does when it is late."""

    def __init__(self, steps: int, called: int) -> None:
        self._steps = steps
        self._called = called

    def generate(self, prompt: str, *, callback: Callable[[int, int, Any], bool], **options: Any) -> ov.Tensor:
        for step in range(self._called):
            if callback(step, self._steps, None):
                break
        return self.decode(None)

    def decode(self, latent: object) -> ov.Tensor:
        return ov.Tensor(np.zeros((1, 8, 8, 3), np.uint8))

    def get_performance_metrics(self) -> Any:
        return SimpleNamespace(raw_metrics=SimpleNamespace(iteration_durations=[0.0] * self._steps))


def _told(steps: int, called: int, *, cancelled: bool = False) -> list[ImageStep]:
    generator = object.__new__(ImageGenerator)
    generator._text = _Pipeline(steps, called)
    told: list[Any] = []
    generator.work(GenerateImage("a", 8, 8, 0, previews=2), told.append, lambda: cancelled)
    return told


@pytest.mark.parametrize("called", range(7))
def test_all_steps_are_told_and_then_the_picture(called: int) -> None:
    told = _told(6, called)
    assert [(each.step, each.steps) for each in told[:-1]] == [(step, 6) for step in range(1, 7)]
    assert [each.step for each in told[:-1] if each.image] == [step for step in (2, 4) if step <= called]
    assert [each.finished for each in told] == [False] * 6 + [True]


def test_a_cancelled_picture_is_not_finished() -> None:
    assert [each.step for each in _told(6, 6, cancelled=True)] == [1]
