"""The tools of a responses request: functions, custom tools, namespaces of both, and what the model is told of them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from apis.openai.answer_forms import ToolChoice
from apis.openai.schemas import FunctionDefinition
from web.errors import InvalidRequest

Kind = Literal["function", "custom"]

_INPUT = "input"
"""The one parameter of the function that a custom tool is to the model."""


class InputFormat(BaseModel):
    """Of a custom tool's input: free text, or a grammar (`syntax` is lark or regex)."""

    type: str = "text"
    syntax: str | None = None
    definition: str | None = None


class ResponseTool(BaseModel):
    """Fields that are not known are kept, since the tools are given back. `function` is the older, nested form."""

    model_config = ConfigDict(extra="allow")

    type: str
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    format: InputFormat | None = None
    tools: "list[ResponseTool] | None" = None
    function: FunctionDefinition | None = None

    def shown(self) -> dict[str, Any]:
        """As it is given back: what was sent, and of a function all fields that it has."""
        sent = self.model_dump(exclude_unset=True)
        if self.type != "function":
            return sent
        function = self.function.model_dump() if self.function else {}
        fields = {"name": self.name, "description": None, "parameters": None, "strict": None}
        return {"type": "function", **fields, **function, **{k: v for k, v in sent.items() if k != "function"}}


@dataclass(frozen=True)
class Offered:
    """A tool that the model may call, as the client knows it."""

    name: str
    kind: Kind = "function"
    namespace: str | None = None

    def item(self, call_id: str) -> dict[str, Any]:
        """A call's output item, without its id and before its arguments."""
        body = {"type": "custom_tool_call", "input": ""} if self.kind == "custom" else {"arguments": ""}
        place = {"namespace": self.namespace} if self.namespace else {}
        return {
            "type": "function_call",
            "status": "in_progress",
            "call_id": call_id,
            "name": self.name,
            **place,
            **body,
        }


class OfferedTools:
    """Of `tools` those a model here can call; it knows them by the names of `definitions`, which say each function in
    the form of chat completions."""

    def __init__(self, tools: Iterable[ResponseTool]) -> None:
        self._offered: dict[str, Offered] = {}
        self.definitions: dict[str, dict[str, Any]] = {}
        for tool, namespace in _callable(tools):
            read = tool.function or tool
            custom = tool.type == "custom"
            name = flat_name(read.name, namespace)
            self._offered[name] = Offered(read.name, "custom" if custom else "function", namespace)
            self.definitions[name] = _custom(name, tool) if custom else _function(name, read)

    def __getitem__(self, name: str) -> Offered:
        return self._offered.get(name, Offered(name))

    def names(self) -> list[str]:
        return list(self._offered)


def flat_name(name: str, namespace: str | None) -> str:
    """How the model knows a tool of a namespace: `mcp__files__read` for either way of writing the namespace."""
    if not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("_") else f"{namespace}__{name}"


def as_arguments(text: str) -> str:
    """A custom tool's input as the arguments of the function that the model calls."""
    return json.dumps({_INPUT: text}, ensure_ascii=False)


def as_input(arguments: str) -> str:
    """The reverse of `as_arguments`; arguments of another form are the input themselves."""
    try:
        read = json.loads(arguments)
    except ValueError:
        return arguments
    text = read.get(_INPUT) if isinstance(read, Mapping) and set(read) == {_INPUT} else None
    return text if isinstance(text, str) else arguments


def read_choice(choice: str | Mapping[str, Any] | None, tools: OfferedTools) -> ToolChoice:
    """Raises `InvalidRequest`."""
    read = _read_choice(choice)
    if read is None:
        raise InvalidRequest(
            'tool_choice is "none", "auto", "required", or an object of type function, custom or allowed_tools.',
            param="tool_choice",
        )
    if read.must_call and not tools.definitions:
        raise InvalidRequest("tool_choice asks for a tool, but there are no tools.", param="tool_choice")
    asked = {read.name} if read.name else read.allowed or frozenset[str]()
    if unknown := asked - set(tools.definitions):
        raise InvalidRequest(f"tool_choice names '{min(unknown)}', which is not among the tools.", param="tool_choice")
    return read


def _read_choice(choice: str | Mapping[str, Any] | None) -> ToolChoice | None:
    match choice:
        case None | "auto":
            return ToolChoice()
        case "none":
            return ToolChoice(allowed=frozenset())
        case "required":
            return ToolChoice(must_call=True)
        case {"type": "allowed_tools", "tools": list(tools), **rest}:
            # Of kinds that do not exist here nothing can be called anyway.
            allowed = frozenset(name for tool in tools if (name := _chosen_name(tool)) is not None)
            return ToolChoice(must_call=rest.get("mode") == "required", allowed=allowed)
        case Mapping() if (name := _chosen_name(choice)) is not None:
            return ToolChoice(must_call=True, name=name)
    return None


def _chosen_name(tool: Any) -> str | None:
    match tool:
        case {"type": "function" | "custom", "name": str(name), **rest}:
            return flat_name(name, str(rest["namespace"]) if rest.get("namespace") else None)
        case {"type": "function", "function": {"name": str(name)}}:
            return name
    return None


def _callable(tools: Iterable[ResponseTool]) -> Iterator[tuple[ResponseTool, str | None]]:
    """Functions and custom tools, each with its namespace. Tools of other kinds, which agents such as Codex send beside
    them, a model here cannot use."""
    for tool in tools:
        if tool.type == "namespace":
            yield from ((inner, tool.name) for inner, _ in _callable(tool.tools or ()))
        elif tool.type in ("function", "custom") and (tool.name or tool.function):
            yield tool, None


def _function(name: str, function: FunctionDefinition | ResponseTool) -> dict[str, Any]:
    definition = {"name": name, "description": function.description, "parameters": function.parameters}
    return {"type": "function", "function": {key: value for key, value in definition.items() if value is not None}}


def _custom(name: str, tool: ResponseTool) -> dict[str, Any]:
    about = "The tool's whole input, as plain text."
    if tool.format is not None and tool.format.definition:
        about += f" It follows this grammar ({tool.format.syntax or 'lark'}):\n{tool.format.definition}"
    parameters = {
        "type": "object",
        "properties": {_INPUT: {"type": "string", "description": about}},
        "required": [_INPUT],
        "additionalProperties": False,
    }
    return {
        "type": "function",
        "function": {"name": name, "description": tool.description or "", "parameters": parameters},
    }
