"""Reading JSON request bodies strictly: no guessing of types, one clear sentence for what is wrong."""

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from web.errors import InvalidRequest

MAX_MESSAGES = 4096
"""Of one conversation: templates, which are programs, go over all of them, some more than once."""

T = TypeVar("T", bound=BaseModel)

_ESCAPED_PAIR_OR_HALF = re.compile(
    rb"(?P<whole>\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


async def read_body(request: Request, schema: type[T]) -> T:
    """The body as a `schema`. Raises `InvalidRequest` naming the field; unknown fields are ignored."""
    body = await request.body()
    if not body.strip():
        raise InvalidRequest("missing request body")
    try:
        return schema.model_validate_json(without_lone_surrogates(body), strict=True)
    except ValidationError as error:
        raise _explain(error) from error


def without_lone_surrogates(body: bytes) -> bytes:
    """Half of a character's escape (`\\ud83d`), as cut texts have them, reads U+FFFD and fails no request."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body  # the search for halves takes ten times as long
    return _ESCAPED_PAIR_OR_HALF.sub(lambda match: match[0] if match["whole"] else rb"\ufffd", body)


def _explain(error: ValidationError) -> InvalidRequest:
    errors = error.errors(include_url=False, include_input=False)
    # Of a union, the member that is of the right type says more.
    of_same_field = [each for each in errors if each["loc"][:1] == errors[0]["loc"][:1]]
    first = next((each for each in of_same_field if not each["type"].endswith("_type")), errors[0])
    if first["type"] == "json_invalid":
        return InvalidRequest(f"The request body is not valid JSON: {first['msg'].removeprefix('Invalid JSON: ')}.")
    # Positions inside a union of types are named after the types; only keys and indices help a client.
    parts = [part for part in first["loc"] if isinstance(part, int) or str(part).isidentifier()]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    if first["type"] == "missing":
        return InvalidRequest(f"{field} is required", param=field)
    return InvalidRequest(f"Invalid value for '{field}': {first['msg']}.", param=field or None)
