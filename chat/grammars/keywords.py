"""What the keywords of a JSON schema say: an object's properties, an array's items, lengths, the bounds of numbers."""

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from chat.schemas import SchemaError

_BEYOND = 10**15


def require_object(schema: Mapping[str, Any]) -> None:
    if schema.get("type", "object") != "object":
        raise SchemaError(f"the parameters of a tool are an object, not {json.dumps(schema['type'])[:80]}")


def array_items(schema: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """The schemas of an array's first items, and that of the others; False for a tuple that names no others."""
    if isinstance(schema.get("prefixItems"), list):
        return schema["prefixItems"], schema.get("items", False)
    if isinstance(schema.get("items"), list):
        return schema["items"], schema.get("additionalItems", False)
    return [], schema.get("items", True)


def length_limits(schema: Mapping[str, Any], what: Literal["Items", "Length"]) -> tuple[int, int | None]:
    """The least and the most items of an array, or characters of a string."""
    lowest, highest = schema.get(f"min{what}") or 0, schema.get(f"max{what}")
    if not isinstance(lowest, int) or not isinstance(highest, int | None) or lowest > (highest or lowest):
        raise SchemaError(f"'min{what}' and 'max{what}' must be numbers, the first not above the second")
    return lowest, highest


def integer_bounds(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The integers that a numeric schema lies between, both included. No integer of these grammars has more digits
    than `_BEYOND`, so limits further out (what Zod writes for every integer, say) are none."""
    values = {key: schema.get(key) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")}
    for key, value in values.items():
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            raise SchemaError(f"'{key}' must be a number")
    ceil, floor = (lambda x: -int(-x // 1)), (lambda x: int(x // 1))
    lows = [ceil(values["minimum"])] if values["minimum"] is not None else []
    highs = [floor(values["maximum"])] if values["maximum"] is not None else []
    if not isinstance(values["exclusiveMinimum"], bool | None):
        lows.append(floor(values["exclusiveMinimum"]) + 1)
    if not isinstance(values["exclusiveMaximum"], bool | None):
        highs.append(ceil(values["exclusiveMaximum"]) - 1)
    low, high = max(lows, default=-_BEYOND), min(highs, default=_BEYOND)
    if low >= _BEYOND or high <= -_BEYOND:
        raise SchemaError("'minimum' and 'maximum' leave only integers of more than 15 digits")
    return (low if low > -_BEYOND else None), (high if high < _BEYOND else None)


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict):
        raise SchemaError("'properties' must be an object")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise SchemaError("'required' must be a list of names")
    return {**properties, **{name: True for name in required if name not in properties}}
