"""Arguments that are written as plain text, back to the values that the tool's schema asks for."""

from collections.abc import Mapping
from typing import Any

from chat.schemas import SchemaError, Schemas, fits, same
from chat.tool_formats.json_text import DECODER, made_call
from chat.tool_formats.python_text import read_value
from chat.tool_formats.tool_call_format import ParsedCall, Tools

_NOTHING = object()


def typed_call(
    name: str, arguments: Mapping[str, str], tools: Tools, texts: frozenset[str] = frozenset()
) -> ParsedCall:
    """A call whose arguments are texts; those named in `texts` stay what they are."""
    parameters = Parameters(tools.get(name))
    values = {key: text if key in texts else parameters.value(key, text) for key, text in arguments.items()}
    return made_call(name, values)


class Parameters:
    """Reads the arguments of one tool. An unquoted text is a string where the schema allows only those, else what it
    means as JSON where the schema allows that, else a string."""

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self._schemas = Schemas(schema or {})
        self._properties = self._read_properties(schema or {})

    def value(self, key: str, text: str) -> Any:
        """The value of a parameter."""
        schema = self._properties.get(key, True)
        try:
            values, types = self._schemas.values(schema), self._schemas.types(schema)
        except SchemaError:
            values, types = None, self._schemas.types(True)
        if values is not None and text in (value for value in values if isinstance(value, str)):
            return text
        meant = _meant(text)
        if values is not None and any(same(meant, value) for value in values):
            return meant
        if types == {"string"}:
            return text
        if meant is not _NOTHING and fits(meant, types):
            return meant
        return text if "string" in types or meant is _NOTHING else meant

    def _read_properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """By name, of all the alternatives there are."""
        found: dict[str, Any] = {}
        waiting: list[Any] = [schema]
        try:
            while waiting:
                plain = self._schemas.plain(waiting.pop(0))
                if plain is True:
                    continue
                waiting += plain.get("anyOf", ())
                properties = plain.get("properties")
                for name, each in (properties if isinstance(properties, dict) else {}).items():
                    found[name] = {"anyOf": [found[name], each]} if name in found else each
        except SchemaError:
            return found
        return found


def _meant(text: str) -> Any:
    """What a text is as JSON, or as the Python that models fall into; `_NOTHING` for neither."""
    stripped = text.strip()
    try:
        return DECODER.decode(stripped)
    except (ValueError, RecursionError):
        pass
    words = {"true": True, "false": False, "none": None, "null": None}
    if stripped.lower() in words:
        return words[stripped.lower()]
    if stripped[:1] in ("{", "["):
        try:
            return read_value(stripped)
        except (ValueError, RecursionError):
            pass
    return _NOTHING
