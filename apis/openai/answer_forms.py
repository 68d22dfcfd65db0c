"""How OpenAI's clients say what an answer must look like: response_format, guided_*, tool_choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter

from chat.grammars.forms import AnswerForm, ChoiceForm, GrammarForm, JsonForm, RegexForm, StructuralForm
from web.errors import InvalidRequest

_OBJECT = TypeAdapter(dict[str, Any])


class JsonSchemaFormat(BaseModel):
    name: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """`format` belongs to type "structural_tag", an extension."""

    type: str
    json_schema: JsonSchemaFormat | None = None
    format: dict[str, Any] | None = None

    def form(self) -> AnswerForm | None:
        """None for free text. Raises `InvalidRequest`."""
        match self.type:
            case "text":
                return None
            case "json_object":
                return JsonForm()
            case "json_schema" if self.json_schema is not None:
                return JsonForm(self.json_schema.schema_ or {})
            case "structural_tag" if self.format is not None:
                return StructuralForm(self.format)
        known = "text, json_object, json_schema (with json_schema) and structural_tag (with format)"
        raise InvalidRequest(f"response_format is one of {known}.", param="response_format")


class StructuredOutputs(BaseModel):
    """vLLM's newer name for the fields `guided_…`, all in one."""

    json_: dict[str, Any] | str | None = Field(default=None, alias="json")
    regex: str | None = Field(default=None, min_length=1)
    choice: list[str] | None = Field(default=None, min_length=1)
    grammar: str | None = Field(default=None, min_length=1)
    json_object: bool | None = None
    structural_tag: str | None = None


class GuidedRequest(BaseModel):
    """Fields that open model servers share beside `response_format`."""

    response_format: ResponseFormat | None = None
    guided_json: dict[str, Any] | str | None = None
    guided_regex: str | None = Field(default=None, min_length=1)
    guided_grammar: str | None = Field(default=None, min_length=1)
    guided_choice: list[str] | None = Field(default=None, min_length=1)
    structured_outputs: StructuredOutputs | None = None

    def form(self) -> AnswerForm | None:
        """Raises `InvalidRequest` on more than one form, and on one that cannot be read."""
        asked = [self.response_format.form()] if self.response_format else []
        asked += _guided(self.guided_json, self.guided_regex, self.guided_grammar, self.guided_choice, "guided_json")
        if (outputs := self.structured_outputs) is not None:
            param = "structured_outputs.json"
            asked += _guided(outputs.json_, outputs.regex, outputs.grammar, outputs.choice, param)
            asked += [JsonForm()] if outputs.json_object else []
            asked += [StructuralForm(_object(outputs.structural_tag, param))] if outputs.structural_tag else []
        forms = [form for form in asked if form is not None]
        if len(forms) > 1:
            raise InvalidRequest(
                "An answer can have one form only: response_format, or one of structured_outputs or guided_ fields."
            )
        return forms[0] if forms else None


@dataclass(frozen=True)
class ToolChoice:
    """`allowed` is None for all the tools, `name` the one that must be called."""

    must_call: bool = False
    name: str | None = None
    allowed: frozenset[str] | None = None


def read_tool_choice(choice: str | dict[str, Any] | None, tools: Sequence[str]) -> ToolChoice:
    """`tools` are the names of those that were sent. Raises `InvalidRequest`."""
    read = _read_choice(choice)
    if read is None:
        raise InvalidRequest(
            'tool_choice is "none", "auto", "required" or an object that names a function.', param="tool_choice"
        )
    if read.must_call and not tools:
        raise InvalidRequest("tool_choice asks for a call, but there are no tools.", param="tool_choice")
    unknown = ({read.name} if read.name else read.allowed or frozenset()) - set(tools)
    if unknown:
        raise InvalidRequest(f"tool_choice names '{min(unknown)}', which is not among the tools.", param="tool_choice")
    return read


def _read_choice(choice: str | dict[str, Any] | None) -> ToolChoice | None:
    match choice:
        case None | "auto":
            return ToolChoice()
        case "none":
            return ToolChoice(allowed=frozenset())
        case "required" | "any":
            return ToolChoice(must_call=True)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "function", "name": str(name)}:
            return ToolChoice(must_call=True, name=name)
        case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools), **rest}}:
            names = [_name(tool) for tool in tools]
            if all(names):
                allowed = frozenset(name for name in names if name)
                return ToolChoice(must_call=rest.get("mode") == "required", allowed=allowed)
    return None


def _name(tool: Any) -> str | None:
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return None


def _guided(
    schema: dict[str, Any] | str | None,
    regex: str | None,
    grammar: str | None,
    choice: list[str] | None,
    param: str,
) -> list[AnswerForm | None]:
    return [
        None if schema is None else JsonForm(_object(schema, param)),
        None if regex is None else RegexForm(regex),
        None if grammar is None else GrammarForm(grammar),
        None if choice is None else ChoiceForm(tuple(choice)),
    ]


def _object(value: dict[str, Any] | str, param: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    try:
        return _OBJECT.validate_json(value)
    except ValueError as error:
        raise InvalidRequest(f"{param} is JSON, as an object or its text.", param=param) from error
