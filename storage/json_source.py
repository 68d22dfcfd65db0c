"""JSON text with the place of every value, so that an error can name line and column."""

import json
import math
from dataclasses import dataclass
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

Location = tuple[str | int, ...]

_WHITESPACE = " \t\n\r"
_DECODER = JSONDecoder()


class JsonSourceError(ValueError):
    """The text is no sound JSON document; `line` and `column` count from 1."""

    def __init__(self, message: str, text: str, offset: int, location: Location = ()) -> None:
        super().__init__(message)
        self.message = message
        self.line, self.column = line_and_column(text, offset)
        self.location = location


@dataclass(frozen=True)
class JsonSource:
    text: str
    value: Any
    offsets: dict[Location, int]

    def line_and_column(self, location: Location) -> tuple[int, int]:
        """Where the value at `location` stands; for a value that is missing, where its nearest parent stands."""
        while location not in self.offsets:
            location = location[:-1]
        return line_and_column(self.text, self.offsets[location])


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def read_json(text: str) -> JsonSource:
    """Parse strictly: no NaN, no infinite number, no key twice in one object. Raises `JsonSourceError`."""
    try:
        json.loads(text, parse_constant=_refuse_constant)
        walker = _Walker(text)
        value, _ = walker.walk(walker.skip(0), ())
    except JSONDecodeError as error:
        raise JsonSourceError(error.msg, text, error.pos) from error
    except JsonSourceError:
        raise
    except RecursionError:
        raise JsonSourceError("nested too deeply", text, 0) from None
    except ValueError as error:
        raise JsonSourceError(str(error), text, 0) from error
    return JsonSource(text, value, walker.offsets)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


class _Walker:
    """Walks a text already known to be valid JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offsets: dict[Location, int] = {}

    def skip(self, offset: int) -> int:
        while offset < len(self.text) and self.text[offset] in _WHITESPACE:
            offset += 1
        return offset

    def walk(self, offset: int, location: Location) -> tuple[Any, int]:
        self.offsets[location] = offset
        opening = self.text[offset]
        if opening == "{":
            return self._walk_object(offset, location)
        if opening == "[":
            return self._walk_array(offset, location)
        value, end = _DECODER.raw_decode(self.text, offset)
        if isinstance(value, float) and not math.isfinite(value):
            raise JsonSourceError("the number is too large", self.text, offset, location)
        return value, end

    def _walk_object(self, offset: int, location: Location) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        offset = self.skip(offset + 1)
        while self.text[offset] != "}":
            key, end = _DECODER.raw_decode(self.text, offset)
            if key in result:
                raise JsonSourceError(f'the key "{key}" is there twice', self.text, offset, (*location, key))
            colon = self.skip(end)
            result[key], end = self.walk(self.skip(colon + 1), (*location, key))
            offset = self._next_member(end)
        return result, offset + 1

    def _walk_array(self, offset: int, location: Location) -> tuple[list[Any], int]:
        result: list[Any] = []
        offset = self.skip(offset + 1)
        while self.text[offset] != "]":
            value, end = self.walk(offset, (*location, len(result)))
            result.append(value)
            offset = self._next_member(end)
        return result, offset + 1

    def _next_member(self, offset: int) -> int:
        offset = self.skip(offset)
        return self.skip(offset + 1) if self.text[offset] == "," else offset
