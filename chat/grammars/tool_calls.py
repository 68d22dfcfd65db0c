"""Grammars of tool calls in a dialect's form, arguments by the tools' schemas."""

from collections.abc import Mapping
from typing import Any

from chat.dialects.dialect import CallForm, Tools
from chat.grammars import ebnf
from chat.grammars.json_schema import JsonGrammar

_MAX_CALLS = 16
_QUOTE = '<|"|>'
_GEMMA_RULES = {
    "gemma_string": f"{ebnf.literal(_QUOTE)} {ebnf.until(_QUOTE)}",
    "gemma_value": "gemma_string | number | boolean | null | gemma_object | gemma_array",
    "gemma_object": '"{" (gemma_pair ("," gemma_pair)*)? "}"',
    "gemma_pair": '[a-zA-Z_] [a-zA-Z0-9_]* ":" gemma_value',
    "gemma_array": '"[" (gemma_value ("," gemma_value)*)? "]"',
}


class CallGrammar:
    """Adds the rules for calls of `tools` to `grammar`."""

    def __init__(self, grammar: JsonGrammar, form: CallForm, tools: Tools, *, parallel: bool) -> None:
        self._grammar = grammar
        self._form = form
        self._parallel = parallel and form.parallel
        if form.arguments == "gemma":
            grammar.define(_GEMMA_RULES)
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

    def _call(self, before: str, *, cut: int = 0) -> str:
        """A call of any of the tools with `before` before it; `cut` characters of its beginning are there already."""
        form = self._form
        head = _literal(before + form.before_name[cut:])
        calls = [
            f"{ebnf.literal(name + form.before_arguments)} {arguments} {_literal(form.after_arguments)}"
            for name, arguments in self._arguments.items()
        ]
        return f"{head} {self._grammar.rule(ebnf.choice(calls))}"

    def _argument_rule(self, schema: Mapping[str, Any]) -> str:
        if self._form.arguments == "json":
            return self._grammar.add_object(schema)
        properties = self._grammar.object_properties(schema)
        match self._form.arguments:
            case "qwen_xml":
                return self._tagged(schema, properties, "<parameter={}>\n", "\n</parameter>\n")
            case "glm_xml":
                return self._tagged(schema, properties, "<arg_key>{}</arg_key>\n<arg_value>", "</arg_value>\n")
            case "python":
                return self._listed({f"{name}=": value for name, value in properties.items()})
            case "gemma":
                kinds = {name: _gemma_rule(_schema_of(schema, name), rule) for name, (rule, _) in properties.items()}
                members = {f"{name}:": (kinds[name], required) for name, (_, required) in properties.items()}
                return f'"{{" {self._listed(members)} "}}"'

    def _tagged(
        self, schema: Mapping[str, Any], properties: Mapping[str, tuple[str, bool]], before: str, after: str
    ) -> str:
        parts: list[str] = []
        for name, (value, required) in properties.items():
            each = _schema_of(schema, name)
            texts = _plain_texts(each)
            if texts:
                value = ebnf.choice([ebnf.literal(text) for text in texts])
            free = not texts and isinstance(each, dict) and each.get("type") == "string"
            content = ebnf.until(after) if free else f"{value} {ebnf.literal(after)}"
            part = self._grammar.rule(f"{ebnf.literal(before.format(name))} {content}")
            parts.append(part if required else f"{part}?")
        return self._grammar.rule(" ".join(parts) or '""')

    def _listed(self, properties: Mapping[str, tuple[str, bool]]) -> str:
        members = [(f"{ebnf.literal(head)} {value}", required) for head, (value, required) in properties.items()]
        return self._grammar.rule(self._grammar.members(members))


def _literal(text: str) -> str:
    return ebnf.literal(text) if text else ""


def _schema_of(schema: Mapping[str, Any], name: str) -> Any:
    return (schema.get("properties") or {}).get(name, True)


def _plain_texts(schema: Any) -> list[str]:
    """The texts that an enumeration of texts allows."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else None) if isinstance(schema, dict) else None
    return values if isinstance(values, list) and all(isinstance(value, str) for value in values) else []


def _gemma_rule(schema: Any, rule: str) -> str:
    kind = schema.get("type") if isinstance(schema, dict) else None
    texts = _plain_texts(schema)
    if texts:
        return ebnf.choice([ebnf.literal(f"{_QUOTE}{text}{_QUOTE}") for text in texts])
    items = schema.get("items") if kind == "array" else schema
    if isinstance(items, dict) and items.get("type") in ("integer", "number", "boolean", "null"):
        return rule  # written as in JSON
    return {"string": "gemma_string", "object": "gemma_object", "array": "gemma_array"}.get(str(kind), "gemma_value")
