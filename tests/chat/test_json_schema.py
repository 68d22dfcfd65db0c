import json
from typing import Any

import jsonschema
import pytest

from chat.grammars.ebnf import integers
from chat.grammars.json_schema import JsonGrammar, SchemaError, UnsupportedKeyword
from instances.messages import Grammar
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
]


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
