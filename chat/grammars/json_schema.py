"""JSON schemas as grammars of values."""

from collections.abc import Mapping
from typing import Any

from chat.grammars import ebnf
from chat.grammars.keywords import array_items, integer_bounds, length_limits, properties_of, require_object
from chat.grammars.patterns import FORMATS, UnsupportedPattern, format_rule, pattern_rule
from chat.grammars.styles import JSON, Style
from chat.schemas import MAX_DEPTH, TYPES, SchemaError, Schemas, listed_values, types_named

__all__ = ["JsonGrammar", "SchemaError", "UnsupportedKeyword"]

_MAX_EXACT_LENGTH = 8
_COMBINING = ("anyOf", "oneOf", "allOf", "$ref", "enum", "const")
# What cannot be said in a grammar, or only in one that takes seconds to compile.
_UNSUPPORTED = (
    "not",
    "if",
    "allOf",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "contains",
    "multipleOf",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
)


class UnsupportedKeyword(Exception):
    """A keyword that these grammars cannot express."""


class JsonGrammar:
    """Collects the rules of one grammar. All schemas added to it share them.

    Objects have the schema's properties in the schema's order, optional ones may be missing, no others appear (unless
    the schema names none). Tuples have all their items. String lengths above 8 are not enforced, nor is a `format`
    other than date, time, date-time, uuid, ipv4 and email; a `pattern` goes before lengths. With `lenient`, keywords
    that cannot be expressed are left out; otherwise they raise `UnsupportedKeyword`.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self._lenient = lenient
        self._style = JSON
        self._rules: dict[str, str] = dict(ebnf.BASIC_RULES)
        self._names: dict[str, str] = {}
        self._references: dict[tuple[str, int, str], str] = {}
        self._schemas = Schemas(True)
        self._documents: list[Any] = []  # kept, so that no other takes the id of one

    def in_style(self, style: Style) -> "JsonGrammar":
        """A view of the same grammar that writes values in another style."""
        other = JsonGrammar(lenient=self._lenient)
        other._style, other._rules, other._names = style, self._rules, self._names
        other._references, other._documents = self._references, self._documents
        other._rules.update(style.rules)
        return other

    @property
    def style(self) -> Style:
        return self._style

    def text(self, root: str) -> str:
        """The whole grammar with `root` as what the answer consists of."""
        return "\n".join(f"{name} ::= {body}" for name, body in {"root": root, **self._rules}.items())

    def rule(self, body: str) -> str:
        """The name of a rule for `body`, a new one unless there is one already. An empty one is to be filled in."""
        name = self._names.get(body) or f"r{len(self._rules)}"
        self._rules[name] = body
        if body:
            self._names[body] = name
        return name

    def add(self, schema: Any) -> str:
        """The name of a rule for values of `schema`. Raises `SchemaError`, `UnsupportedKeyword`."""
        self._read(schema)
        return self.rule(self._value(schema, 0))

    def add_object(self, schema: Mapping[str, Any]) -> str:
        """As `add`, for the parameters of a tool: an object, which is empty where the schema names no properties."""
        require_object(schema)
        combined = any(keyword in schema for keyword in _COMBINING)
        if not combined and not properties_of(schema) and not schema.get("additionalProperties"):
            return ebnf.literal("{}")
        return self.add({**schema, "type": "object"})

    def object_properties(self, schema: Mapping[str, Any]) -> tuple[Schemas, dict[str, tuple[Any, bool]]]:
        """Each property's schema, and whether it is required, with the reader of these schemas. Raises as `add`, and
        on what is no object's schema."""
        require_object(schema)
        schemas = self._read(schema)
        plain = schemas.plain({**schema, "type": "object"})
        while "anyOf" in plain:  # what has no braces cannot leave them open: the first alternative it is
            plain = schemas.plain(plain["anyOf"][0])
        required = plain.get("required") or []
        return schemas, {name: (each, name in required) for name, each in properties_of(plain).items()}

    def value(self, schema: Any) -> str:
        """An expression for values of a schema that is part of the one read last."""
        body = self._value(schema, 1)
        return body if body.isidentifier() else self.rule(body)

    def _read(self, document: Any) -> Schemas:
        self._documents.append(document)
        self._schemas = Schemas(document)
        return self._schemas

    def _value(self, schema: Any, depth: int) -> str:
        if self._schemas.is_reference(schema):
            return self._reference(schema["$ref"], depth)
        if depth > MAX_DEPTH:
            raise SchemaError(f"it is nested deeper than {MAX_DEPTH} levels")
        plain = self._schemas.plain(schema, depth)
        if plain is True:
            return self._style.name("value")
        if "anyOf" in plain:
            return ebnf.choice([self._value(branch, depth + 1) for branch in plain["anyOf"]])
        unsupported = [keyword for keyword in _UNSUPPORTED if plain.get(keyword)]
        if unsupported and not self._lenient:
            raise UnsupportedKeyword(unsupported[0])
        if "enum" in plain or "const" in plain:
            return ebnf.choice([ebnf.literal(self._style.write(value)) for value in listed_values(plain)])
        types = types_named(plain)
        if set(types) >= set(TYPES):
            return self._style.name("value")
        return ebnf.choice([self._of_type(each, plain, depth) for each in types])

    def _reference(self, pointer: Any, depth: int) -> str:
        key = (self._style.prefix, id(self._documents[-1]), str(pointer))
        if key not in self._references:
            target = self._schemas.referred({"$ref": pointer})
            name = self._references[key] = self.rule("")
            self._rules[name] = self._value(target, depth + 1)
        return self._references[key]

    def _of_type(self, kind: str, schema: Mapping[str, Any], depth: int) -> str:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer":
                return self._integer(schema)
            case "number" if not self._lenient and integer_bounds(schema) != (None, None):
                raise UnsupportedKeyword("minimum")
        return self._style.name(kind)

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        style = self._style
        properties = properties_of(schema)
        required = schema.get("required") or []
        extra = schema.get("additionalProperties")
        if not properties:
            if extra is False:
                return '"{}"'
            if not isinstance(extra, dict) or not extra:
                return style.name("object")
            key = '[a-zA-Z_] [a-zA-Z0-9_]* ":"' if style.bare_keys else f'string ":" {ebnf.SPACE}'
            pair = self.rule(f"{key} {self._value(extra, depth + 1)}")
            pairs = self.rule("")
            self._rules[pairs] = f'"}}" | {style.comma} {pair} {pairs}'
            return self.rule(f'"{{" ("}}" | {pair} {pairs})')
        members = [
            (f"{style.key_expression(name)} {self._member(each, depth)}", name in required)
            for name, each in properties.items()
        ]
        return f'"{{" {self.members(members)} "}}"'

    def _member(self, schema: Any, depth: int) -> str:
        body = self._value(schema, depth + 1)
        return body if body.isidentifier() else self.rule(body)

    def members(self, members: list[tuple[str, bool]]) -> str:
        """Expressions in order, commas between those that are there; the others than required ones may be missing."""
        later = ""  # what follows once a member has been written
        first = '""'  # the same where none has been yet
        for member, required in reversed(members):
            following = self.rule(later) if later and not required else later
            first = f"{member} {following}" if required else f"({member} {following} | {first})"
            if not required:
                first = self.rule(first)
            added = f"{self._style.comma} {member}"
            later = f"{added} {following}" if required else f"({added})? {following}"
        return first

    def _array(self, schema: Mapping[str, Any], depth: int) -> str:
        lowest, highest = length_limits(schema, "Items")
        if highest == 0:
            return '"[]"'
        comma = self._style.comma
        heads, others = array_items(schema)
        if heads:
            return self._tuple([self._member(each, depth) for each in heads[:highest]], others, lowest, highest, depth)
        item = self._member(others, depth)
        if lowest == 0 and highest is None:
            rest = self.rule("")
            self._rules[rest] = f'"]" | {comma} {item} {rest}'
            return self.rule(f'"[" ("]" | {item} {rest})')
        more = f"({comma} {item}){{{max(0, lowest - 1)},{'' if highest is None else highest - 1}}}"
        filled = f"{item} {more}" if highest != 1 else item
        return self.rule(f'"[" {filled} "]"' if lowest else f'"[" ({filled})? "]"')

    def _tuple(self, heads: list[str], others: Any, lowest: int, highest: int | None, depth: int) -> str:
        """All of `heads`, then as many `others` as the limits allow (False: only those that they demand)."""
        comma = self._style.comma
        least = max(0, lowest - len(heads))
        most = least if others is False else None if highest is None else highest - len(heads)
        body = f" {comma} ".join(heads)
        if most is None or most > 0:
            item = self._member(True if others is False else others, depth)
            body += f" ({comma} {item}){{{least},{'' if most is None else most}}}"
        return self.rule(f'"[" {body} "]"')

    def _string(self, schema: Mapping[str, Any]) -> str:
        style = self._style
        body = self.string_body(schema)
        if body is not None:
            return self.rule(style.quoted(body))
        lowest = min(schema.get("minLength") or 0, _MAX_EXACT_LENGTH)
        if not lowest:
            return style.name("string")
        return self.rule(f"{ebnf.literal(style.quote)} {style.character}{{{lowest}}} {style.more}")

    def string_body(self, schema: Mapping[str, Any], character: str = "") -> str | None:
        """What stands between the quotes of a string whose end the schema decides, made of `character`; None for one
        that only its closing quote ends."""
        lowest, highest = length_limits(schema, "Length")
        if "pattern" in schema:
            patterned = self._patterned(schema["pattern"], bounded=bool(lowest) or highest is not None)
            if patterned is not None:
                return patterned
        elif schema.get("format") in FORMATS:
            return format_rule(schema["format"])
        if highest is not None and highest <= _MAX_EXACT_LENGTH:
            return f"{character or self._style.character}{{{lowest},{highest}}}"
        return None

    def _patterned(self, pattern: Any, *, bounded: bool) -> str | None:
        try:
            if not isinstance(pattern, str) or (bounded and not self._lenient):
                raise UnsupportedPattern("the length counts too")
            return pattern_rule(pattern)
        except UnsupportedPattern as error:
            if self._lenient:
                return None
            raise UnsupportedKeyword("pattern") from error

    def _integer(self, schema: Mapping[str, Any]) -> str:
        low, high = integer_bounds(schema)
        if low is None and high is None:
            return "integer"
        if low is not None and high is not None and low > high:
            raise SchemaError("'minimum' is above 'maximum'")
        return self.rule(ebnf.integers(low, high))
