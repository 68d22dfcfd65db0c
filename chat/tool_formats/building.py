"""The parts that the descriptions of dialects have in common."""

from typing import Any

from chat.tool_formats import json_text
from chat.tool_formats.json_text import HEAD, read_calls
from chat.tool_formats.tagged_text import ArgumentTags
from chat.tool_formats.tool_call_format import CallBlock, CallForm, ToolCallFormat, fixed

TOOL_CALL = CallBlock("<tool_call>", "</tool_call>")


def json_call_format(name: str, *blocks: CallBlock, form: CallForm, **rest: Any) -> ToolCallFormat:
    """One whose arguments are JSON text."""
    return ToolCallFormat(
        name, rest.pop("choose", None) or fixed(*blocks), rest.pop("read", read_calls), form,
        head=rest.pop("head", HEAD), inside=json_text.ends_in_string, **rest,
    )  # fmt: skip


def tagged_call_format(
    name: str, tags: ArgumentTags, *blocks: CallBlock, form: CallForm, **rest: Any
) -> ToolCallFormat:
    """One whose arguments stand between tags."""
    return ToolCallFormat(name, fixed(*blocks), tags.read, form, read_cut=tags.read_cut, inside=tags.inside, **rest)


def object_form(before: str, key: str, after: str, *, name: str = "name", **rest: Any) -> CallForm:
    """A call as a JSON object."""
    return CallForm(rest.pop("trigger", before), f'{before}{{"{name}": "', f'", "{key}": ', f"}}{after}", **rest)


def list_form(begin: str, end: str, *, key: str = "arguments", **rest: Any) -> CallForm:
    """A list of calls as JSON objects between two marks."""
    return object_form("", key, "", trigger=begin, begin=f"{begin}[", between=", ", end=f"]{end}", **rest)
