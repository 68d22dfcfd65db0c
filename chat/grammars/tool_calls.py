"""Grammars of tool calls in a dialect's form, arguments by the tools' schemas."""

import json
import re
from collections.abc import Mapping
from typing import Any

from chat.grammars import ebnf
from chat.grammars.json_schema import JsonGrammar
from chat.grammars.styles import FUNCTION_GEMMA, GEMMA, JSON, PYTHON, Style
from chat.schemas import SchemaError, Schemas
from chat.tool_formats.tool_call_format import CallForm, Tools

_MAX_CALLS = 16
_MAX_EXACT_LENGTH = 8
_STYLES: Mapping[str, Style] = {
    "json": JSON, "tags": JSON, "python": PYTHON, "gemma": GEMMA, "escape": FUNCTION_GEMMA,
}  # fmt: skip
# Names that the readers of the dialects, which find them by what stands around them, could not read.
_UNREADABLE = re.compile(r"[\x00-\x1f<>\[\](){}\"'=,`]|^\s|\s$|^$")
_UNREADABLE_KEY = re.compile(r"[\x00-\x1f<>\"']|^\s|\s$|^$")
# A text without quotes ends where its tag is closed, which it must not begin to do.
_PLAIN = r'[^"\\\x00-\x1f<]'


class CallGrammar:
    """Adds the rules for calls of `tools` to `grammar`. Raises `SchemaError`, also on a name that could not be read
    back in this form."""

    def __init__(self, grammar: JsonGrammar, form: CallForm, tools: Tools, *, parallel: bool) -> None:
        self._grammar = grammar.in_style(_STYLES[form.arguments])
        self._form = form
        self._parallel = parallel and form.parallel
        self._heads = {name: self._head(name) for name in tools}
        self._arguments = {name: self._argument_rule(schema) for name, schema in tools.items()}

    def only_calls(self) -> str:
        """An answer of at least one call and nothing else."""
        form = self._form
        more = f"({self._call(form.between)}){{0,{_MAX_CALLS - 1}}}" if self._parallel else ""
        return f"{self._call(form.begin)} {more} {_literal(form.end)}"

    def calls_in_text(self) -> str:
        """Any text; once a call begins (by the form's trigger), it is one of the tools' calls."""
        form = self._form
        rest = form.begin[len(form.trigger) :] if form.begin else ""
        cut = len(form.trigger) - len(form.begin) if len(form.trigger) > len(form.begin) else 0
        body = self._call(rest, cut=cut)
        if form.begin:
            more = f"({self._call(form.between)}){{0,{_MAX_CALLS - 1}}}" if self._parallel else ""
            body = f"{body} {more} {_literal(form.end)}"
        rule = self._grammar.rule(body)
        return ebnf.free_text({form.trigger: rule}, once=not self._parallel)

    def _head(self, name: str) -> str:
        """The name and what is between it and the arguments."""
        if self._form.quoted_name:
            name = json.dumps(name, ensure_ascii=False)[1:-1]
        elif _UNREADABLE.search(name):
            raise SchemaError(f"this model's calls have no way to write the name {name[:80]!r}")
        return name + self._form.before_arguments.replace("{name}", name)

    def _call(self, before: str, *, cut: int = 0) -> str:
        """A call of any of the tools with `before` before it; `cut` characters of its beginning are there already."""
        form = self._form
        head = _literal(before + form.before_name[cut:])
        calls = [
            f"{ebnf.literal(self._heads[name])} {arguments} {_literal(form.after_arguments)}"
            for name, arguments in self._arguments.items()
        ]
        return f"{head} {self._grammar.rule(ebnf.choice(calls))}"

    def _argument_rule(self, schema: Mapping[str, Any]) -> str:
        if self._form.arguments == "json":
            return self._grammar.add_object(schema)
        schemas, properties = self._grammar.object_properties(schema)
        if self._form.arguments == "tags":
            return self._tagged(schemas, properties)
        if self._form.arguments == "python":
            names = [name for name in properties if not _readable(name, properties, _UNREADABLE)]
            return self._listed({name: f"{name}=" for name in properties if name not in names}, properties)
        style = self._grammar.style
        return f'"{{" {self._listed({name: style.key(name) for name in properties}, properties)} "}}"'

    def _listed(self, heads: Mapping[str, str], properties: Mapping[str, tuple[Any, bool]]) -> str:
        members = [
            (f"{ebnf.literal(head)} {self._grammar.value(properties[name][0])}", properties[name][1])
            for name, head in heads.items()
        ]
        return self._grammar.rule(self._grammar.members(members))

    def _tagged(self, schemas: Schemas, properties: Mapping[str, tuple[Any, bool]]) -> str:
        parts: list[str] = []
        for name, (schema, required) in properties.items():
            if not _readable(name, properties, _UNREADABLE_KEY):
                continue
            before, after = self._form.tags
            content, is_text = self._tag_content(schemas, schema, after)
            before = before.replace("{name}", name).replace("{text}", "true" if is_text else "false")
            part = self._grammar.rule(f"{ebnf.literal(before)} {content}")
            parts.append(part if required else f"{part}?")
        return self._grammar.rule(" ".join(parts) or '""')

    def _tag_content(self, schemas: Schemas, schema: Any, after: str) -> tuple[str, bool]:
        """A value and the tag that closes it, and whether it is text whatever it looks like.

        Texts are written as they are where the reader takes them for texts, which is where the schema allows no other
        type, or only null beside. Where it allows others they are JSON, in quotes.
        """
        types, values = schemas.types(schema), schemas.values(schema)
        end = ebnf.literal(after)
        if values is not None and all(isinstance(value, str) for value in values):
            return f"{ebnf.choice([ebnf.literal(text) for text in _closed_by(after, values)])} {end}", True
        plain = schemas.plain(schema)
        if types == {"string"} and isinstance(plain, dict):
            if "anyOf" in plain:
                return ebnf.choice([self._tag_content(schemas, each, after)[0] for each in plain["anyOf"]]), True
            body = self._grammar.string_body(plain, _PLAIN)
            least = f"{_PLAIN}{{{min(plain.get('minLength') or 0, _MAX_EXACT_LENGTH)}}} "
            return (f"{least}{ebnf.until(after)}" if body is None else f"{body} {end}"), True
        if types == {"string", "null"} and _unconstrained(schemas, schema):
            return ebnf.until(after), False
        return f"{self._grammar.value(schema)} {end}", False


def _readable(name: str, properties: Mapping[str, tuple[Any, bool]], unreadable: re.Pattern[str]) -> bool:
    """Whether a parameter's name can be written. Raises `SchemaError` on one that cannot and must."""
    if not unreadable.search(name):
        return True
    if properties[name][1]:
        raise SchemaError(f"this model's calls have no way to write the parameter {name[:80]!r}")
    return False


def _closed_by(after: str, values: list[str]) -> list[str]:
    """Those values that do not themselves look like the end of one. Raises `SchemaError` where all do."""
    tag = after.strip()
    fine = [value for value in values if tag not in value or not value.rpartition(tag)[2].strip()]
    if not fine:
        raise SchemaError(f"a value of 'enum' holds {tag}, which ends a value in this model's calls")
    return fine


def _unconstrained(schemas: Schemas, schema: Any) -> bool:
    """Whether every text is valid, of a schema that allows texts and null."""
    plain = schemas.plain(schema)
    if plain is True:
        return True
    if "anyOf" in plain:
        texts = [each for each in plain["anyOf"] if "string" in schemas.types(each)]
        return any(_unconstrained(schemas, each) for each in texts)
    return not (plain.keys() & {"enum", "const", "pattern", "minLength", "maxLength", "format"})


def _literal(text: str) -> str:
    return ebnf.literal(text) if text else ""
