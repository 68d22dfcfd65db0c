"""Bodies that no schema of FastAPI's own would refuse."""

from typing import Any

import pytest
from pydantic import ValidationError

from admin.api.requests import ModelChange, UpdateConfig

HALF = "\ud83d"


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "body",
    [
        {"device": HALF},
        {"device": "gpu", "models": [HALF]},
        {"device": "gpu", "models": [{"id": "a/b", "system": HALF}]},
        {"device": "gpu", "models": [{"id": "a/b", "extra_config": {HALF: 1}}]},
        {"device": "gpu", "models": [{"id": "a/b", "parameters": {"a": [HALF]}}]},
        {"device": "gpu", "models": [{"id": "a/b", "extra_config": nested(100_000)}]},
    ],
)
def test_what_could_not_be_written_into_the_file_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"half of a character|nested too deeply"):
        UpdateConfig.model_validate(body)


@pytest.mark.parametrize(
    "body",
    [
        {"device": "gpu", "models": ["a/b"] * 1001},
        {"device": "gpu", "models": [{"id": "a/b", "extra_config": {str(key): 1 for key in range(1001)}}]},
        {"device": "gpu", "models": [{"id": "a/b", "parameters": {str(key): 1 for key in range(1001)}}]},
        {"device": "g" * 256},
    ],
)
def test_no_change_holds_ever_more(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="at most"):
        UpdateConfig.model_validate(body)


def test_whole_characters_pass() -> None:
    assert ModelChange.model_validate({"id": "a/b", "system": "\U0001f600\0"}).system == "\U0001f600\0"
