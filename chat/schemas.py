"""What a JSON schema comes to: one reading of references, types and enumerations, for grammars and parsers alike."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import product
from typing import Any
from urllib.parse import unquote

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
MAX_DEPTH = 64
_MOST_ALTERNATIVES = 256
# Keywords that say nothing about which values are valid.
_ANNOTATIONS = frozenset(
    ("$schema", "$id", "id", "$comment", "$anchor", "$defs", "definitions", "$vocabulary", "$dynamicAnchor", "title",
     "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator", "xml",
     "externalDocs", "contentEncoding", "contentMediaType")
)  # fmt: skip
_LOWEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_HIGHEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_IMPLIED = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class SchemaError(ValueError):
    """The schema is not valid, or nothing satisfies it; str() is the reason."""


class Schemas:
    """Reads the parts of one document, into which its references point.

    Sources of the rules: JSON Schema 2020-12, with draft-07's tuples and `definitions`, and OpenAPI's `nullable`. A
    schema without `type` is taken to mean the type that its keywords speak of.
    """

    def __init__(self, document: Any) -> None:
        self._document = document

    def plain(self, schema: Any, depth: int = 0) -> Any:
        """The same schema without `$ref` and `allOf`: True, or keywords of one schema, or nothing but `anyOf` with
        branches of which each is to be read in turn. Raises `SchemaError`."""
        if schema is True:
            return True
        if not isinstance(schema, dict):
            raise SchemaError(f"{json.dumps(schema)[:80]} is not a schema that a value can satisfy")
        if depth > MAX_DEPTH:
            raise SchemaError(f"it is nested deeper than {MAX_DEPTH} levels")
        own = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        parts: list[Any] = []
        if "$ref" in own:
            parts.append(self.plain(self.target(own.pop("$ref")), depth + 1))
        if "allOf" in own:
            parts += [self.plain(each, depth + 1) for each in branches_of(own, "allOf")]
            del own["allOf"]
        for keyword in ("anyOf", "oneOf"):
            if keyword in own and (parts or len(own) > 1):
                parts.append({"anyOf": branches_of(own, keyword)})
                del own[keyword]
        if not parts:
            alternatives = next((keyword for keyword in ("anyOf", "oneOf") if keyword in own), None)
            return {"anyOf": branches_of(own, alternatives)} if alternatives else own or True
        merged: Any = own or True
        for part in parts:
            merged = self._both(merged, part, depth + 1)
        return merged

    def referred(self, schema: Any) -> Any:
        """What a chain of references leads to. Raises `SchemaError` on one without an end."""
        seen: set[str] = set()
        while self.is_reference(schema):
            if schema["$ref"] in seen:
                raise SchemaError(f"'$ref' of {schema['$ref']} leads back to itself")
            seen.add(str(schema["$ref"]))
            schema = self.target(schema["$ref"])
        return schema

    def is_reference(self, schema: Any) -> bool:
        """Whether it is a `$ref` and nothing else of effect."""
        return isinstance(schema, dict) and "$ref" in schema and not (schema.keys() - _ANNOTATIONS - {"$ref"})

    def target(self, pointer: Any) -> Any:
        """What a `$ref` means: a JSON pointer (percent-encoded or not) or an anchor. Raises `SchemaError`."""
        if not isinstance(pointer, str):
            raise SchemaError(f"'$ref' must point into the schema itself, not to {pointer!r}")
        base, mark, fragment = pointer.partition("#")
        if base and base != self._base:
            if base in self._anchors and not fragment:
                return self._anchors[base]
            raise SchemaError(f"'$ref' must point into the schema itself, not to {pointer!r}")
        fragment = unquote(fragment)
        if not fragment and (mark or base):
            return self._document
        if not fragment.startswith("/"):
            if fragment in self._anchors:
                return self._anchors[fragment]
            raise SchemaError(f"'$ref' points to {pointer}, which is not there")
        target = self._document
        for part in fragment[1:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and part in target:
                target = target[part]
            elif isinstance(target, list) and part.isdecimal() and int(part) < len(target):
                target = target[int(part)]
            else:
                raise SchemaError(f"'$ref' points to {pointer}, which is not there")
        return target

    def types(self, schema: Any) -> frozenset[str]:
        """The types of JSON that its values can have. Raises `SchemaError`."""
        return self._types(schema, frozenset(), 0)

    def values(self, schema: Any) -> list[Any] | None:
        """All its values, where it lists them. Raises `SchemaError`."""
        plain = self.plain(schema)
        if plain is True or not ("enum" in plain or "const" in plain):
            return None
        return listed_values(plain)

    @cached_property
    def _base(self) -> str:
        base = self._document.get("$id", self._document.get("id")) if isinstance(self._document, dict) else None
        return base.rstrip("#") if isinstance(base, str) else ""

    @cached_property
    def _anchors(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        waiting: list[Any] = [self._document]
        while waiting:
            each = waiting.pop()
            if isinstance(each, dict):
                for key in ("$anchor", "$dynamicAnchor", "$id", "id"):
                    if isinstance(each.get(key), str):
                        found.setdefault(each[key].removeprefix("#"), each)
                waiting += each.values()
            elif isinstance(each, list):
                waiting += each
        return found

    def _types(self, schema: Any, seen: frozenset[str], depth: int) -> frozenset[str]:
        while self.is_reference(schema):
            if schema["$ref"] in seen:
                return frozenset()
            seen |= {str(schema["$ref"])}
            schema = self.target(schema["$ref"])
        plain = self.plain(schema, depth)
        if plain is True:
            return frozenset(TYPES)
        if "anyOf" in plain:
            return frozenset[str]().union(*(self._types(each, seen, depth + 1) for each in plain["anyOf"]))
        if "enum" in plain or "const" in plain:
            return frozenset(type_of(value) for value in listed_values(plain))
        types = set(types_named(plain))
        return frozenset(types | {"integer"} if "number" in types else types)

    def _both(self, first: Any, second: Any, depth: int) -> Any:
        """What satisfies two plain schemas."""
        if first is True or second is True:
            return second if first is True else first
        if "anyOf" in first or "anyOf" in second:
            pairs = list(product(first.get("anyOf", [first]), second.get("anyOf", [second])))
            if len(pairs) > _MOST_ALTERNATIVES:
                raise SchemaError(f"its parts combine to more than {_MOST_ALTERNATIVES} alternatives")
            alternatives: list[Any] = []
            reason = SchemaError("nothing satisfies all of its parts")
            for one, other in pairs:
                try:
                    alternatives.append(self._both(self.plain(one, depth), self.plain(other, depth), depth + 1))
                except SchemaError as error:
                    reason = error
            if not alternatives:
                raise reason
            return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}
        merged = {**first, **{key: value for key, value in second.items() if key not in first}}
        for key in first.keys() & second.keys():
            merged[key] = _merged(key, first[key], second[key], merged)
        if "enum" in merged or "const" in merged:
            merged = {"enum": listed_values(merged)}
        return merged


def branches_of(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    """The list of schemas under `keyword`. Raises `SchemaError`."""
    branches = schema[keyword]
    if not isinstance(branches, list) or not branches:
        raise SchemaError(f"'{keyword}' must be a list of schemas")
    return branches


def types_named(schema: Mapping[str, Any]) -> list[str]:
    """The types of a plain schema in its own order; all of them where it says nothing. Raises `SchemaError`."""
    types = schema.get("type")
    if types is None:
        implied = [kind for kind, keywords in _IMPLIED.items() if any(keyword in schema for keyword in keywords)]
        types = implied or ["any"]
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, list) or not types:
        raise SchemaError("'type' must be a type or a list of types")
    unknown = [each for each in types if each not in TYPES and each != "any"]
    if unknown:
        raise SchemaError(f"there is no type {json.dumps(unknown[0])[:80]}")
    if "any" in types:
        return list(TYPES)
    return [*types, "null"] if schema.get("nullable") is True and "null" not in types else types


def listed_values(schema: Mapping[str, Any]) -> list[Any]:
    """The values of a plain schema with `enum` or `const` that its types allow. Raises `SchemaError`."""
    values = schema.get("enum", [schema.get("const")])
    if not isinstance(values, list) or not values:
        raise SchemaError("'enum' must be a list of values")
    if "const" in schema:
        values = [value for value in values if same(value, schema["const"])]
    if "type" in schema:
        types = types_named(schema)
        values = [value for value in values if fits(value, types)]
    if not values:
        raise SchemaError("none of the values of 'enum' is of its 'type'")
    return values


def type_of(value: Any) -> str:
    """The JSON type of a decoded value; a whole number is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def fits(value: Any, types: Iterable[str]) -> bool:
    """Whether a decoded value is of one of `types`."""
    kind = type_of(value)
    return kind in types or (kind == "integer" and "number" in types)


def same(first: Any, second: Any) -> bool:
    """Equality as JSON Schema has it: true is not 1."""
    return type_of(first) == type_of(second) and first == second


def _merged(key: str, first: Any, second: Any, beside: dict[str, Any]) -> Any:
    if first == second and type(first) is type(second):
        return first
    if key in (*_LOWEST, *_HIGHEST) and isinstance(first, int | float) and isinstance(second, int | float):
        return min(first, second) if key in _LOWEST else max(first, second)
    match key:
        case "type":
            both = [each for each in types_named({"type": first}) if fits_type(each, types_named({"type": second}))]
            both += [
                each
                for each in types_named({"type": second})
                if each == "integer" and "number" in types_named({"type": first})
            ]
            if not both:
                raise SchemaError("nothing is of all the types it asks for")
            return list(dict.fromkeys(both))
        case "enum" if isinstance(first, list) and isinstance(second, list):
            return [value for value in first if any(same(value, each) for each in second)]
        case "properties" if isinstance(first, dict) and isinstance(second, dict):
            shared = {name: {"allOf": [first[name], second[name]]} for name in first.keys() & second.keys()}
            return {**first, **second, **shared}
        case "required" if isinstance(first, list) and isinstance(second, list):
            return [*first, *(name for name in second if name not in first)]
        case "items" if not isinstance(first, list) and not isinstance(second, list):
            return {"allOf": [first, second]}
        case "additionalProperties":
            return False if False in (first, second) else {"allOf": [first, second]}
        case "uniqueItems" | "nullable":
            return (first or second) if key == "uniqueItems" else (first and second)
        case "const":
            raise SchemaError("nothing is equal to two values")
    # Two values that one keyword cannot hold: whoever reads this sees an `allOf` that is left.
    beside.setdefault("allOf", []).append({key: second})
    return first


def fits_type(kind: str, types: Iterable[str]) -> bool:
    """Whether all values of one type are of one of `types`."""
    return kind in types or (kind == "integer" and "number" in types)
