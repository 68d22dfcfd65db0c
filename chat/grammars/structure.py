"""The whole form of an answer: reasoning first, then a requested form, tool calls, or either."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.grammars import ebnf
from chat.grammars.forms import AnswerForm, ChoiceForm, GrammarForm, JsonForm, RegexForm, StructuralForm
from chat.grammars.json_schema import JsonGrammar, SchemaError, UnsupportedKeyword
from chat.grammars.tool_calls import CallGrammar
from chat.reasoning import Reasoning
from chat.tool_formats.tool_call_format import ToolCallFormat, Tools
from instances.protocol import Grammar, JsonSchema, Regex, StructuralTags, Structure

MAX_BYTES = 512 * 1024


@dataclass(frozen=True)
class ReasoningPrefix:
    """The reasoning before an answer. `opened`: it has begun in the prompt. `possible`: it may come. `over`: the answer
    itself has begun in the prompt."""

    reasoning: Reasoning
    opened: bool
    possible: bool
    over: bool = False

    @property
    def expected(self) -> bool:
        return self.opened or self.possible

    def rule(self) -> str:
        """As an expression, the white space after it included."""
        tag, head = self.reasoning.tag, self.reasoning.answer_head
        after = f"{ebnf.until(tag.close)} [\\n]{{0,2}}"
        if self.opened:
            return f"{after} {ebnf.literal(head) if head else ''}"
        thoughts = f"({ebnf.literal(tag.open)} {after})?" if self.possible else ""
        return f"{thoughts} {ebnf.literal(head) if head else ''}"

    def tags(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """`answer` (a structural tag's format) after the reasoning."""
        tag = self.reasoning.tag
        begin = "" if self.opened else tag.open
        thoughts = {"type": "tag", "begin": begin, "content": {"type": "any_text"}, "end": tag.close}
        after = {"type": "sequence", "elements": [thoughts, {"type": "regex", "pattern": "\\n{0,2}"}, answer]}
        return after if self.opened else {"type": "or", "elements": [after, answer]}


def form_structure(form: AnswerForm, reasoning_prefix: ReasoningPrefix) -> Structure:
    """An answer of `form`. Raises `SchemaError`."""
    match form:
        case JsonForm(schema):
            structure = _json_structure(schema, reasoning_prefix)
        case ChoiceForm(choices):
            options = ebnf.choice([ebnf.literal(choice) for choice in choices])
            structure = Grammar(f"root ::= {reasoning_prefix.rule()} {options}")
        case RegexForm(pattern) if not reasoning_prefix.expected:
            structure = Regex(pattern)
        case RegexForm(pattern):
            structure = _tags(reasoning_prefix.tags({"type": "regex", "pattern": pattern}))
        case GrammarForm(text) if not reasoning_prefix.expected:
            structure = Grammar(text)
        case GrammarForm(text):
            structure = _tags(reasoning_prefix.tags({"type": "grammar", "grammar": text}))
        case StructuralForm(format_):
            structure = _tags(format_)
    return _bounded(structure)


def calls_structure(
    call_format: ToolCallFormat,
    tools: Tools,
    reasoning_prefix: ReasoningPrefix,
    *,
    required: bool,
    parallel: bool,
    form: AnswerForm | None = None,
) -> Structure:
    """Calls of `tools` only, or with `required` False amid free text or as an alternative to `form`. Raises
    `SchemaError`."""
    grammar = JsonGrammar(lenient=True)
    calls = CallGrammar(grammar, call_format.form, tools, parallel=parallel)
    if required:
        root = f"{_before_calls(reasoning_prefix)} {calls.only_calls()}"
    elif isinstance(form, JsonForm):
        answer = "object" if form.schema is None else grammar.add(form.schema)
        root = f"{_before_calls(reasoning_prefix)} ({answer} | {calls.only_calls()})"
    else:
        return _bounded(Grammar(grammar.text(calls.calls_in_text()), resumable=True))
    return _bounded(Grammar(grammar.text(root)))


def _before_calls(reasoning_prefix: ReasoningPrefix) -> str:
    return ReasoningPrefix(
        Reasoning(reasoning_prefix.reasoning.tag), reasoning_prefix.opened, reasoning_prefix.possible
    ).rule()


def _json_structure(schema: Mapping[str, Any] | bool | None, reasoning_prefix: ReasoningPrefix) -> Structure:
    grammar = JsonGrammar()
    try:
        answer = "object" if schema is None else grammar.add(schema)
    except UnsupportedKeyword:
        if not reasoning_prefix.expected:
            return JsonSchema(json.dumps(schema, ensure_ascii=False))
        return _tags(reasoning_prefix.tags({"type": "json_schema", "json_schema": schema}))
    return Grammar(grammar.text(f"{reasoning_prefix.rule()} {answer}"))


def _tags(format_: Mapping[str, Any]) -> StructuralTags:
    return StructuralTags(json.dumps({"type": "structural_tag", "format": format_}, ensure_ascii=False))


def _bounded(structure: Structure) -> Structure:
    text = next(iter(getattr(structure, field) for field in structure.__struct_fields__))
    if len(text) > MAX_BYTES:
        raise SchemaError(f"it is larger than {MAX_BYTES >> 10} KiB")
    return structure
