import datetime
import ipaddress
import json
import re
import uuid
from typing import Any

import jsonschema
import pytest

from chat.grammars.ebnf import integers
from chat.grammars.json_schema import JsonGrammar, SchemaError, UnsupportedKeyword
from chat.grammars.patterns import FORMATS
from chat.schemas import TYPES, Schemas
from instances.protocol import Grammar
from tests.chat.conftest import Sample

NODE = {
    "type": "object",
    "properties": {"v": {"type": "integer", "minimum": 3, "maximum": 987}, "next": {"$ref": "#/$defs/node"}},
    "required": ["v"],
}
SCHEMAS: list[Any] = [
    {},
    True,
    {"type": "boolean"},
    {"type": ["integer", "null"]},
    {"type": "integer", "exclusiveMinimum": -7, "exclusiveMaximum": 1000},
    {"type": "integer", "maximum": -90},
    {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1},
    {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    {"type": "number"},
    {"enum": ["a", 1, None, 'quote " and \\', "北京"]},
    {"const": {"x": [1, 2.5]}},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4},
    {"type": "array", "items": {"enum": ["x", "y"]}, "maxItems": 1},
    {"type": "array", "items": {"type": "boolean"}},
    {"type": "array", "maxItems": 0},
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}, "c": {"const": 1}}},
    {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}}, "required": ["b"]},
    {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}}, "required": ["a", "extra"]},
    {"type": "object", "properties": {'na"me\n': {"type": "integer"}}, "required": ['na"me\n']},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "additionalProperties": False},
    {"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"k": {"const": 1}}, "required": ["k"]}]},
    {"allOf": [{"type": "integer", "minimum": 5}]},
    {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
    {"type": "integer", "title": "n", "description": "a number", "default": 3},
    # Tuples, references of all kinds, and what allOf comes to.
    {"type": "array", "prefixItems": [{"type": "integer"}, {"enum": ["a"]}], "minItems": 2, "maxItems": 2},
    {"type": "array", "prefixItems": [{"const": 1}], "items": {"type": "boolean"}, "maxItems": 3},
    {"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "maxItems": 1},
    {"type": "array", "prefixItems": [{"const": 1}], "minItems": 3},
    {"$defs": {"a b/c": {"enum": [1, 2]}}, "$ref": "#/$defs/a%20b~1c"},
    {"$defs": {"k": {"$anchor": "kind", "enum": [1, 2]}}, "$ref": "#kind"},
    {"$id": "http://example.org/s", "$defs": {"k": {"const": 1}}, "$ref": "http://example.org/s#/$defs/k"},
    {"anyOf": [{"const": 1}, {"const": 2}], "$defs": {"k": {"$ref": "#/anyOf/1"}}, "$ref": "#/$defs/k"},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"enum": ["x", "y"]}, "a": {"minimum": 3, "maximum": 7}}},
        ],
        "required": ["b"],
    },
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "anyOf": [{"required": ["a"]}, {"properties": {"b": {"const": 1}}, "required": ["b"]}],
    },
    {"$defs": {"node": NODE}, "allOf": [{"$ref": "#/$defs/node"}, {"properties": {"v": {"maximum": 20}}}]},
    {"allOf": [{"type": ["integer", "string"]}, {"type": ["number", "null"]}, {"enum": [1, "x", 2.5, None]}]},
    {"type": "string", "enum": ["a", 1]},
    {"type": "integer", "allOf": [{"minimum": 3}, {"maximum": 5}]},
]
DRAFT_7: list[Any] = [
    {"type": "array", "items": [{"type": "integer"}, {"enum": ["a"]}], "minItems": 2, "maxItems": 2},
    {"type": "array", "items": [{"const": 1}], "additionalItems": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
    {"type": "array", "items": [{"const": 1}], "additionalItems": False},
    {"definitions": {"k": {"$id": "#kind", "enum": [1, 2]}}, "properties": {"x": {"$ref": "#kind"}}},
]


@pytest.mark.parametrize("schema", DRAFT_7, ids=lambda schema: json.dumps(schema)[:60])
def test_draft_7_is_read_too(schema: Any, sample: Sample) -> None:
    grammar = JsonGrammar()
    structure = Grammar(grammar.text(grammar.add(schema)))
    answers = [answer for seed in range(5) if (answer := sample(structure, seed)) is not None]
    assert answers
    for answer in answers:
        jsonschema.Draft7Validator(schema).validate(json.loads(answer))


@pytest.mark.parametrize("name", FORMATS)
def test_formats_that_are_kept_to(name: str, sample: Sample) -> None:
    grammar = JsonGrammar()
    structure = Grammar(grammar.text(grammar.add({"type": "string", "format": name})))
    answers = [answer for seed in range(12) if (answer := sample(structure, seed)) is not None]
    assert answers
    for answer in answers:
        text = json.loads(answer)
        match name:
            case "date":
                datetime.date.fromisoformat(text)
            case "uuid":
                assert str(uuid.UUID(text)) == text
            case "ipv4":
                ipaddress.IPv4Address(text)
            case "email":
                assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-zA-Z]+", text)
            case _:
                # What older Pythons do not read: fractions of other lengths than three or six digits.
                clock = re.sub(r"\.\d+", "", text).replace("Z", "+00:00")
                reader = datetime.time if name == "time" else datetime.datetime
                reader.fromisoformat(clock)


def test_leap_days_are_days_of_leap_years() -> None:
    patterns = [re.compile(pattern) for pattern in FORMATS["date"]]
    assert all(pattern.search("2024-02-29") and pattern.search("2023-12-31") for pattern in patterns)
    assert not any(pattern.search(date) for pattern in patterns for date in ("2023-02-29", "1900-02-29", "2023-04-31"))


def test_parts_that_contradict_each_other_are_told() -> None:
    for schema in (
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"allOf": [{"enum": [1, 2]}, {"enum": [3]}]},
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a", "minimum": 1}}},
        {"type": "integer", "enum": ["a"]},
    ):
        with pytest.raises(SchemaError):
            JsonGrammar().add(schema)


def test_types_are_those_of_every_way_to_say_them() -> None:
    schemas = Schemas({"$defs": {"s": {"type": "string"}, "loop": {"anyOf": [{"$ref": "#/$defs/loop"}, {"const": 1}]}}})
    for schema, types in [
        ({"anyOf": [{"$ref": "#/$defs/s"}, {"type": "null"}]}, {"string", "null"}),
        ({"allOf": [{"$ref": "#/$defs/s"}], "default": "x"}, {"string"}),
        ({"enum": ["a", 1, 2.5, None, True]}, {"string", "integer", "number", "null", "boolean"}),
        ({"type": ["string", "integer"], "allOf": [{"type": "integer"}]}, {"integer"}),
        ({"type": "string", "nullable": True}, {"string", "null"}),
        ({"$ref": "#/$defs/loop"}, {"integer"}),
        ({"pattern": "^a"}, {"string"}),
        ({"type": "number"}, {"number", "integer"}),
    ]:
        assert schemas.types(schema) == types, schema
    assert schemas.types({}) == schemas.types(True) == set(TYPES)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_what_the_grammar_allows_satisfies_the_schema(schema: Any, sample: Sample) -> None:
    grammar = JsonGrammar()
    structure = Grammar(grammar.text(grammar.add(schema)))
    answers = [answer for seed in range(8) if (answer := sample(structure, seed)) is not None]
    assert answers
    for answer in answers:
        jsonschema.validate(json.loads(answer), schema)
        assert "  " not in answer.replace("\\", "") or '"' in answer  # no free white space between values


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "objekt"}, "objekt"),
        ({"type": 5}, "'type'"),
        (False, "false"),
        ([], "not a schema"),
        ({"$ref": "#/nowhere"}, "#/nowhere"),
        ({"$ref": "http://example.org/schema"}, "into the schema"),
        ({"enum": []}, "'enum'"),
        ({"anyOf": {}}, "'anyOf'"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "above"),
        ({"type": "integer", "minimum": "2"}, "'minimum'"),
        ({"type": "integer", "minimum": 10**15}, "15 digits"),
        ({"type": "integer", "maximum": float("inf")}, "'maximum'"),
        ({"type": "array", "minItems": 3, "maxItems": 1}, "'minItems'"),
        ({"type": "object", "properties": []}, "'properties'"),
        ({"type": "object", "required": "a"}, "'required'"),
    ],
)
def test_an_invalid_schema_is_refused_with_its_reason(schema: Any, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        JsonGrammar().add(schema)


def test_deep_nesting_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(SchemaError, match="deeper"):
        JsonGrammar().add(schema)


def test_keywords_without_a_grammar_are_left_to_the_caller() -> None:
    with pytest.raises(UnsupportedKeyword):
        JsonGrammar().add({"type": "string", "pattern": r"^(?=a)b"})
    assert JsonGrammar(lenient=True).add({"type": "string", "pattern": r"^(?=a)b"})


@pytest.mark.parametrize(
    ("low", "high"), [(0, 9), (1, 60), (7, 7), (0, 100), (99, 1001), (-3, 4), (-120, -17), (17, 2345), (5, None)]
)
def test_integer_ranges_are_exact(low: int, high: int | None, sample: Sample) -> None:
    grammar = JsonGrammar()
    structure = Grammar(grammar.text(grammar.rule(integers(low, high))))
    drawn = {int(answer) for seed in range(40) if (answer := sample(structure, seed)) is not None}
    assert drawn
    assert all(low <= number and (high is None or number <= high) for number in drawn)
    if high is not None and high - low < 10:
        assert drawn == set(range(low, high + 1))
