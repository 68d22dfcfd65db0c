"""Calls whose name stands between marks, apart from their JSON arguments."""

import re

from chat.dialects.dialect import Call, Reading, Tools
from chat.dialects.json_text import DECODER, leading_calls, made_call, named_call, read_calls

_MISTRAL = re.compile(r"\s*([\w.-]+)\s*(?:\[CALL_ID\]\s*[\w-]*\s*)?(?:\[ARGS\])?\s*(?=\{)")
_NEXT = re.compile(r"\s*\[TOOL_CALLS\]")
_DEEPSEEK = re.compile(
    r"\s*<｜tool▁call▁begin｜>(?P<before>.*?)<｜tool▁sep｜>(?P<after>.*?)(?:<｜tool▁call▁end｜>|\Z)", re.DOTALL
)
_FENCED = re.compile(r"\s*(?P<name>[^\n]+)\n```json\n(?P<arguments>.*?)(?:\n```\s*|\s*\Z)", re.DOTALL)
_PHI_MARKS = re.compile(r"\s*(?:functools)?\s*(?:<\|tool_calls?\|>)?(.*?)(?:<\|/tool_calls?\|>)?\s*", re.DOTALL)


def read_mistral(text: str, tools: Tools) -> Reading | None:
    """A list of call objects, or `name[ARGS]{…}` calls, each but the first after another `[TOOL_CALLS]`."""
    if text.lstrip().startswith(("[{", "[ {", "{")):
        calls, rest = leading_calls(text)
        return Reading(tuple(calls), rest.strip()) if calls else None
    found: list[Call] = []
    position = 0
    while head := _MISTRAL.match(text, position):
        try:
            arguments, position = DECODER.raw_decode(text, head.end())
        except (ValueError, RecursionError):
            return None
        found.append(made_call(head[1], arguments))
        following = _NEXT.match(text, position)
        position = following.end() if following else position
    return Reading(tuple(found), text[position:].strip()) if found else None


def read_deepseek(text: str, tools: Tools) -> Reading | None:
    """`<｜tool▁call▁begin｜>` blocks: `function`, the name and fenced JSON, or as of V3.1 the name and plain JSON."""
    if _DEEPSEEK.sub("", text).strip():
        return None
    calls: list[Call | None] = []
    for match in _DEEPSEEK.finditer(text):
        fenced = _FENCED.fullmatch(match["after"])
        if fenced:
            calls.append(named_call(fenced["name"], fenced["arguments"]))
        else:
            calls.append(named_call(match["before"], match["after"]))
    complete = tuple(call for call in calls if call)
    return Reading(complete) if complete and len(complete) == len(calls) else None


def read_offered(text: str, tools: Tools) -> Reading | None:
    """Call objects without marks of their own: only offered tools count, anything after them is text."""
    calls, rest = leading_calls(text)
    known = bool(calls) and all(call.name in tools for call in calls)
    return Reading(tuple(calls), rest.strip()) if known else None


def read_phi(text: str, tools: Tools) -> Reading | None:
    """A list of call objects; the word `functools` and the tags may both stand around it."""
    inner = _PHI_MARKS.fullmatch(text)
    return read_calls(inner[1], tools) if inner else None
