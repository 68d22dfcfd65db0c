"""The tables of kinds agree, and each row is there."""

from importlib import import_module

import pytest

from instances.pipelines import PIPELINES
from model_files.model_kind import KINDS, NOT_SERVED
from model_files.tasks import GENERATION, TASKS, ModelTask, task_named, task_of_kind


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_has_a_pipeline_and_a_kind_of_models(task: ModelTask) -> None:
    assert task.name in PIPELINES
    assert task.kind in KINDS
    assert task.kind not in NOT_SERVED
    assert task_of_kind(task.kind) is task_named(task.name) is task
    assert task.answers.endswith("not this.")


@pytest.mark.parametrize("path", PIPELINES.values())
def test_a_pipeline_is_where_its_row_says(path: str) -> None:
    module, _, name = path.partition(":")
    kind = getattr(import_module(module), name)
    assert callable(kind.warm_up)
    assert callable(kind.step)


def test_language_models_have_no_row() -> None:
    assert task_of_kind("llm") is None
    assert task_named(GENERATION) is None
