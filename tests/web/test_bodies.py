"""Bodies of all sizes; large ones are read beside the event loop."""

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Message

from web.bodies import read_body
from web.errors import InvalidRequest

SIZES = [0, 2_000_000]
"""Of what is added to a body."""


class Wanted(BaseModel):
    name: str
    share: float = 0
    numbers: list[int] = []


NO_INTEGER = "Invalid value for 'numbers[1]': Input should be a valid integer."


async def read(body: bytes, padding: int) -> Wanted:
    async def receive() -> Message:
        return {"type": "http.request", "body": body + b" " * padding, "more_body": False}

    return await read_body(Request({"type": "http", "headers": []}, receive), Wanted)


@pytest.mark.parametrize("padding", SIZES)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"name": "a", "numbers": [1, 2], "unknown": {"x": [null]}}', Wanted(name="a", numbers=[1, 2])),
        (b'{"name": "half \\ud83d, whole \\ud83d\\ude00", "share": 1}', Wanted(name="half \ufffd, whole 😀", share=1)),
        ('{"name": "中文"}'.encode(), Wanted(name="中文")),
    ],
)
async def test_what_is_right_is_read(body: bytes, expected: Wanted, padding: int) -> None:
    assert await read(body, padding) == expected


@pytest.mark.parametrize("padding", SIZES)
@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b" ", "missing request body", None),
        (b'{"name": ', "The request body is not valid JSON: EOF while parsing a value at line 1 column ", None),
        (
            b'{"name": "\xff"}',
            "The request body is not valid JSON: invalid unicode code point at line 1 column 11.",
            None,
        ),
        (b"[]", "Invalid request body: Input should be an object.", None),
        (b"{}", "name is required", "name"),
        (b'{"name": 1}', "Invalid value for 'name': Input should be a valid string.", "name"),
        (b'{"name": "a", "numbers": [1, "2"]}', NO_INTEGER, "numbers[1]"),
        (b'{"name": "a", "numbers": [1, 2.0]}', NO_INTEGER, "numbers[1]"),
        (b'{"name": "a", "numbers": {}}', "Invalid value for 'numbers': Input should be a valid array.", "numbers"),
        (b'{"name": "a", "share": "1"}', "Invalid value for 'share': Input should be a valid number.", "share"),
        (b"[" * 100_000, "The request body is not valid JSON: recursion limit exceeded at line 1", None),
    ],
)
async def test_what_is_wrong_is_named(body: bytes, message: str, param: str | None, padding: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await read(body, padding)
    assert str(refusal.value).startswith(message)
    assert refusal.value.param == param
