"""Calls whose parameters stand between tags, their values as plain text."""

import re
from collections.abc import Mapping
from typing import Any

from chat.dialects.dialect import Call, Reading, Tools
from chat.dialects.json_text import DECODER, made_call

_FUNCTION = re.compile(
    r"\s*(?:<tool_call>\s*)?<function=([^>\s]+)>(.*?)(?:</function>\s*(?:</tool_call>)?|\Z)", re.DOTALL
)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)
_ARGUMENT = re.compile(r"\s*<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|\Z)", re.DOTALL)


def read_qwen_coder(text: str, tools: Tools) -> Reading | None:
    """`<function=name><parameter=key>value</parameter></function>`, once or several times."""
    calls: list[Call] = []
    position = 0
    while match := _FUNCTION.match(text, position):
        name, body = match.groups()
        arguments = {key: _unwrapped(value) for key, value in _PARAMETER.findall(body)}
        if _PARAMETER.sub("", body).strip():
            return None
        calls.append(_call(name, arguments, tools))
        position = match.end()
        if not text[position:].strip():
            break
    return Reading(tuple(calls), text[position:].strip()) if calls else None


def read_glm(text: str, tools: Tools) -> Reading | None:
    """A name, then `<arg_key>key</arg_key><arg_value>value</arg_value>` pairs."""
    name, mark, rest = text.partition("<arg_key>")
    if not re.fullmatch(r"\s*[\w.-]+\s*", name):
        return None
    body = mark + rest
    arguments = {key.strip(): value for key, value in _ARGUMENT.findall(body)}
    if _ARGUMENT.sub("", body).strip():
        return None
    return Reading((_call(name.strip(), arguments, tools),))


def _unwrapped(value: str) -> str:
    """The value without the line breaks that set it apart from its tags."""
    return value.removeprefix("\n").removesuffix("\n")


def _call(name: str, arguments: Mapping[str, str], tools: Tools) -> Call:
    properties = tools.get(name, {}).get("properties") or {}
    typed = {key: _typed(value, properties.get(key)) for key, value in arguments.items()}
    return made_call(name, typed)


def _typed(text: str, schema: Any) -> Any:
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind == "string" or (isinstance(schema, dict) and _only_strings(schema)):
        return text
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        lowered = text.strip().lower()
        return {"true": True, "false": False, "none": None}.get(lowered, text)
    return text if kind is None and isinstance(value, str) else value


def _only_strings(schema: Mapping[str, Any]) -> bool:
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
