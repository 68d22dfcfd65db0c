"""JSON schemas as grammars of compact JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

from chat.grammars import ebnf
from chat.grammars.patterns import UnsupportedPattern, pattern_rule

_MAX_DEPTH = 64
_MAX_EXACT_LENGTH = 8
_BEYOND = 10**15
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_COMBINING = ("anyOf", "oneOf", "allOf", "$ref", "enum", "const")
# What cannot be said in a grammar, or only in one that takes seconds to compile.
_UNSUPPORTED = (
    "not",
    "if",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "prefixItems",
    "contains",
    "multipleOf",
    "dependentRequired",
    "dependentSchemas",
)


class SchemaError(ValueError):
    """The schema is not valid; str() is the reason."""


class UnsupportedKeyword(Exception):
    """A keyword that these grammars cannot express."""


class JsonGrammar:
    """Collects the rules of one grammar. All schemas added to it share them.

    Objects have the schema's properties in the schema's order, optional ones may be missing, no others appear (unless
    the schema names none). String lengths above 8 are not enforced, nor is `format`; a `pattern` goes before lengths.
    With `lenient`, keywords that cannot be expressed are left out; otherwise they raise `UnsupportedKeyword`.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self._lenient = lenient
        self._rules: dict[str, str] = dict(ebnf.BASIC_RULES)
        self._names: dict[str, str] = {}
        self._references: dict[tuple[int, str], str] = {}
        self._document: Any = None

    def text(self, root: str) -> str:
        """The whole grammar with `root` as what the answer consists of."""
        return "\n".join(f"{name} ::= {body}" for name, body in {"root": root, **self._rules}.items())

    def define(self, rules: Mapping[str, str]) -> None:
        """Add rules under names of their own."""
        self._rules.update(rules)

    def rule(self, body: str) -> str:
        """The name of a rule for `body`, a new one unless there is one already. An empty one is to be filled in."""
        name = self._names.get(body) or f"r{len(self._rules)}"
        self._rules[name] = body
        if body:
            self._names[body] = name
        return name

    def add(self, schema: Any) -> str:
        """The name of a rule for values of `schema`. Raises `SchemaError`, `UnsupportedKeyword`."""
        self._document = schema
        return self.rule(self._value(schema, 0))

    def add_object(self, schema: Mapping[str, Any]) -> str:
        """As `add`, for the parameters of a tool: an object, which is empty where the schema names no properties."""
        _require_object(schema)
        combined = any(keyword in schema for keyword in _COMBINING)
        if not combined and not _properties(schema) and not schema.get("additionalProperties"):
            return ebnf.literal("{}")
        return self.add({**schema, "type": "object"})

    def object_properties(self, schema: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
        """Each property's rule, and whether it is required. Raises as `add`, and on what is no object's schema."""
        _require_object(schema)
        self._document = schema
        properties = _properties(schema)
        required = schema.get("required") or []
        return {name: (self.rule(self._value(each, 1)), name in required) for name, each in properties.items()}

    def _value(self, schema: Any, depth: int) -> str:
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise SchemaError(f"{json.dumps(schema)[:80]} is not a schema that a value can satisfy")
        if depth > _MAX_DEPTH:
            raise SchemaError(f"it is nested deeper than {_MAX_DEPTH} levels")
        self._check_keywords(schema)
        if "const" in schema:
            return _json(schema["const"])
        if "enum" in schema:
            if not isinstance(schema["enum"], list) or not schema["enum"]:
                raise SchemaError("'enum' must be a list of values")
            return ebnf.choice([_json(value) for value in schema["enum"]])
        if "$ref" in schema:
            return self._reference(schema["$ref"], depth)
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in schema:
                return self._combined(keyword, schema, depth)
        return self._typed(schema, depth)

    def _check_keywords(self, schema: Mapping[str, Any]) -> None:
        combining = [keyword for keyword in _COMBINING if keyword in schema]
        beside = combining and any(key in schema for key in ("properties", "items", "minimum", "maximum"))
        found = [keyword for keyword in _UNSUPPORTED if keyword in schema]
        if len(combining) > 1 or beside:
            found.append(combining[0])
        if found and not self._lenient:
            raise UnsupportedKeyword(found[0])

    def _combined(self, keyword: str, schema: Mapping[str, Any], depth: int) -> str:
        branches = schema[keyword]
        if not isinstance(branches, list) or not branches:
            raise SchemaError(f"'{keyword}' must be a list of schemas")
        if keyword == "allOf" and len(branches) > 1:
            if not self._lenient:
                raise UnsupportedKeyword(keyword)
            return "object" if schema.get("type") == "object" else "value"
        return ebnf.choice([self._value(branch, depth + 1) for branch in branches])

    def _reference(self, pointer: Any, depth: int) -> str:
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            raise SchemaError(f"'$ref' must point into the schema itself, not to {pointer!r}")
        key = (id(self._document), pointer)
        if key not in self._references:
            target = self._document
            for part in pointer[1:].split("/")[1:]:
                part = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(target, dict) or part not in target:
                    raise SchemaError(f"'$ref' points to {pointer}, which is not there")
                target = target[part]
            name = self._references[key] = self.rule("")
            self._rules[name] = self._value(target, depth + 1)
        return self._references[key]

    def _typed(self, schema: Mapping[str, Any], depth: int) -> str:
        types = schema.get("type", _implied_type(schema))
        types = [types] if isinstance(types, str) else types
        if not isinstance(types, list) or not types:
            raise SchemaError("'type' must be a type or a list of types")
        unknown = [each for each in types if each not in _TYPES and each != "any"]
        if unknown:
            raise SchemaError(f"there is no type {json.dumps(unknown[0])[:80]}")
        nullable = ["null"] if schema.get("nullable") is True and "null" not in types else []
        return ebnf.choice([self._of_type(each, schema, depth) for each in [*types, *nullable]])

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
            case "number" if not self._lenient and _bounds(schema) != (None, None):
                raise UnsupportedKeyword("minimum")
            case "any":
                return "value"
        return kind

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        properties = _properties(schema)
        required = schema.get("required") or []
        extra = schema.get("additionalProperties")
        if not properties:
            if extra is False:
                return '"{}"'
            if not isinstance(extra, dict) or not extra:
                return "object"
            pair = self.rule(f'string ":" {ebnf.SPACE} {self._value(extra, depth + 1)}')
            pairs = self.rule("")
            self._rules[pairs] = f'"}}" | "," {ebnf.SPACE} {pair} {pairs}'
            return self.rule(f'"{{" ("}}" | {pair} {pairs})')
        members = [
            (
                f"{ebnf.literal(json.dumps(name, ensure_ascii=False) + ':')} {ebnf.SPACE} {self._member(each, depth)}",
                name in required,
            )
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
            added = f'"," {ebnf.SPACE} {member}'
            later = f"{added} {following}" if required else f"({added})? {following}"
        return first

    def _array(self, schema: Mapping[str, Any], depth: int) -> str:
        items = schema.get("items", True)
        lowest, highest = schema.get("minItems") or 0, schema.get("maxItems")
        if not isinstance(lowest, int) or not isinstance(highest, int | None) or lowest > (highest or lowest):
            raise SchemaError("'minItems' and 'maxItems' must be numbers, the first not above the second")
        item = self._value(items, depth + 1)
        item = item if item.isidentifier() else self.rule(item)
        if highest == 0:
            return '"[]"'
        if lowest == 0 and highest is None:
            rest = self.rule("")
            self._rules[rest] = f'"]" | "," {ebnf.SPACE} {item} {rest}'
            return self.rule(f'"[" ("]" | {item} {rest})')
        more = f'("," {ebnf.SPACE} {item}){{{max(0, lowest - 1)},{"" if highest is None else highest - 1}}}'
        filled = f"{item} {more}" if highest != 1 else item
        return self.rule(f'"[" {filled} "]"' if lowest else f'"[" ({filled})? "]"')

    def _string(self, schema: Mapping[str, Any]) -> str:
        lowest, highest = schema.get("minLength") or 0, schema.get("maxLength")
        if not isinstance(lowest, int) or not isinstance(highest, int | None) or lowest > (highest or lowest):
            raise SchemaError("'minLength' and 'maxLength' must be numbers, the first not above the second")
        if "pattern" in schema:
            return self._patterned(schema["pattern"], bounded=bool(lowest) or highest is not None)
        character = r'([^"\\\x00-\x1f] | "\\" escape)'
        if highest is not None and highest <= _MAX_EXACT_LENGTH:
            return self.rule(rf'"\"" {character}{{{lowest},{highest}}} "\""')
        if not lowest:
            return "string"
        return self.rule(rf'"\"" {character}{{{min(lowest, _MAX_EXACT_LENGTH)}}} chars')

    def _patterned(self, pattern: Any, *, bounded: bool) -> str:
        try:
            if not isinstance(pattern, str) or (bounded and not self._lenient):
                raise UnsupportedPattern("the length counts too")
            return self.rule(rf'"\"" {pattern_rule(pattern)} "\""')
        except UnsupportedPattern as error:
            if self._lenient:
                return "string"
            raise UnsupportedKeyword("pattern") from error

    def _integer(self, schema: Mapping[str, Any]) -> str:
        low, high = _bounds(schema)
        if low is None and high is None:
            return "integer"
        if low is not None and high is not None and low > high:
            raise SchemaError("'minimum' is above 'maximum'")
        return self.rule(ebnf.integers(low, high))


def _require_object(schema: Mapping[str, Any]) -> None:
    if schema.get("type", "object") != "object":
        raise SchemaError(f"the parameters of a tool are an object, not {json.dumps(schema['type'])[:80]}")


def _bounds(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The integers that a numeric schema lies between, both included. No integer of these grammars has more digits
    than `_BEYOND`, so limits further out (what Zod writes for every integer, say) are none."""
    values = {key: schema.get(key) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")}
    for key, value in values.items():
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            raise SchemaError(f"'{key}' must be a number")
    ceil, floor = (lambda x: -int(-x // 1)), (lambda x: int(x // 1))
    lows = [ceil(values["minimum"])] if values["minimum"] is not None else []
    highs = [floor(values["maximum"])] if values["maximum"] is not None else []
    if not isinstance(values["exclusiveMinimum"], bool | None):
        lows.append(floor(values["exclusiveMinimum"]) + 1)
    if not isinstance(values["exclusiveMaximum"], bool | None):
        highs.append(ceil(values["exclusiveMaximum"]) - 1)
    low, high = max(lows, default=-_BEYOND), min(highs, default=_BEYOND)
    if low >= _BEYOND or high <= -_BEYOND:
        raise SchemaError("'minimum' and 'maximum' leave only integers of more than 15 digits")
    return (low if low > -_BEYOND else None), (high if high < _BEYOND else None)


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict):
        raise SchemaError("'properties' must be an object")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise SchemaError("'required' must be a list of names")
    return {**properties, **{name: True for name in required if name not in properties}}


def _implied_type(schema: Mapping[str, Any]) -> list[str]:
    if "properties" in schema or "required" in schema or "additionalProperties" in schema:
        return ["object"]
    return ["array"] if "items" in schema else ["any"]


def _json(value: Any) -> str:
    return ebnf.literal(json.dumps(value, ensure_ascii=False))
