"""Whatever tools are offered: what the grammar of a demanded call lets a model write, the parser reads back as just
that call, and its arguments satisfy the tool's schema."""

import json
import re
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.collected import CollectedCall, CollectedCalls
from chat.deltas import Delta
from chat.grammars.structure import ReasoningPrefix, calls_structure
from chat.harmony import HarmonyParser
from chat.reasoning import THINK, Reasoning
from chat.required_calls import RequiredCalls
from chat.schemas import SchemaError
from chat.sections import AnswerParser, SectionParser
from chat.tool_formats.lookup import CALL_FORMATS
from chat.tool_formats.tool_call_format import Tools
from instances.protocol import Grammar
from tests.chat.conftest import Sample
from tests.chat.sentences import Sentences

_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
SILENT = ReasoningPrefix(Reasoning(THINK), opened=False, possible=False)
NAMES = st.sampled_from(
    [
        "save",
        "save-note",
        "ns:save",
        "ns.save",
        "2fa",
        "import",
        "class",
        "my tool",
        "a/b",
        "存檔",
        "naïve",
        "_x",
        "None",
    ]
)
KEYS = st.sampled_from(
    ["title", "user-id", "from", "in", "$filter", "@type", "the name", "名稱", "a.b", "2nd", "None", "True", "x:y", "_"]
)
STRINGS = st.sampled_from(
    ["a", "7", "true", "null", "None", "it's \"x\"", "a\\b", "two\nlines", "</parameter>", "<b>", "}", "]", ")", ",",
     "", " x ", '"a"', "[1]", "{}", "<|\"|>", "北京", "😀", "</tool_call>", "=", "1.0"]
)  # fmt: skip
NUMBERS = st.integers(-50, 50)
TEXTS = st.one_of(
    st.just({"type": "string"}),
    st.builds(lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
              st.integers(0, 3), st.integers(0, 4)),
    st.sampled_from([{"type": "string", "pattern": "^[a-z]{2,3}$"}, {"type": "string", "format": "date"}]),
    st.lists(STRINGS, min_size=1, max_size=3, unique=True).map(lambda values: {"type": "string", "enum": values}),
    st.lists(STRINGS, min_size=1, max_size=3, unique=True).map(lambda values: {"enum": values}),
    STRINGS.map(lambda value: {"const": value}),
)  # fmt: skip
LEAVES = st.one_of(
    TEXTS,
    st.builds(lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more}, NUMBERS, st.integers(0, 9)),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "number"}, {"type": "integer"}, {}]),
    st.just({"enum": ["a", 1, None, True, 2.5]}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": ["string", "integer", "null"]}),
)


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS, values, max_size=3).flatmap(
        lambda properties: st.sets(st.sampled_from(sorted(properties)) if properties else st.nothing()).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": sorted(required),
                "additionalProperties": False,
            }
        )
    )


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        _objects(inner),
        st.builds(lambda items, most: {"type": "array", "items": items, "maxItems": most}, inner, st.integers(1, 3)),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"type": "array", "prefixItems": items}),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        inner.map(lambda schema: {"allOf": [schema], "description": "one"}),
        inner.map(lambda schema: {"anyOf": [schema, {"type": "null"}]}),
        st.sampled_from([{"$ref": "#/$defs/K%20d"}, {"$ref": "#kind"}, {"allOf": [{"$ref": "#kind"}]}]),
    )


SCHEMAS = _objects(st.recursive(LEAVES, _combined, max_leaves=5)).map(
    lambda schema: {
        **schema,
        "$defs": {"K d": {"enum": ["1", "b"]}, "k": {"$anchor": "kind", "type": "string", "maxLength": 3}},
    }
)


def _parser(call_format: str, tools: Tools, *, eager: bool) -> AnswerParser:
    if call_format == "harmony":
        return HarmonyParser(tools=tools, eager=eager)
    return SectionParser(call_format=CALL_FORMATS[call_format], tools=tools, eager=eager)


def _read(parser: AnswerParser, pieces: Sequence[str]) -> list[Delta]:
    return [*(delta for piece in pieces for delta in parser.push(piece)), *parser.finish()]


def _check(call_format: str, tools: Tools, answer: str) -> None:
    if _HALF_CHARACTER.search(answer):
        return  # arrives as U+FFFD
    whole = _read(_parser(call_format, tools, eager=False), [answer])
    calls = [delta.tool_call for delta in whole if delta.tool_call]
    assert not "".join(delta.text + delta.reasoning for delta in whole).strip(), answer
    assert len(calls) == 1, answer
    assert calls[0].name in tools, answer
    arguments = json.loads(calls[0].arguments)
    jsonschema.Draft202012Validator(tools[calls[0].name]).validate(arguments)
    streamed = _read(_parser(call_format, tools, eager=True), answer)
    parts = [delta.call_part for delta in streamed if delta.call_part]
    assert json.loads("".join(part.arguments for part in parts)) == arguments
    assert parts[0].name == calls[0].name


@pytest.mark.parametrize("call_format", CALL_FORMATS)
@settings(max_examples=12, deadline=None)
@given(st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=2), st.integers(0, 2**32))
def test_what_the_grammar_allows_is_read_back(call_format: str, tools: dict[str, Any], seed: int) -> None:
    try:
        structure = calls_structure(CALL_FORMATS[call_format], tools, SILENT, required=True, parallel=False)
    except SchemaError:
        return  # said to the client; the next test holds for which names that must not be
    assert isinstance(structure, Grammar)
    sentences = Sentences(structure.ebnf)
    for each in range(5):
        _check(call_format, tools, sentences.draw(seed + each))


@pytest.mark.parametrize("call_format", CALL_FORMATS)
@pytest.mark.parametrize("name", ["save-note", "ns:save", "ns.save", "2fa", "import", "my tool", "存檔"])
def test_names_of_all_kinds_can_be_called(call_format: str, name: str, sample: Sample) -> None:
    """The sampler itself agrees with what the test above takes the grammar to mean."""
    keys = ("from", "user-id", "$filter", "the name", "名稱")
    schema = {"type": "object", "properties": {key: {"enum": ["a", 1]} for key in keys}, "required": list(keys)}
    structure = calls_structure(CALL_FORMATS[call_format], {name: schema}, SILENT, required=True, parallel=False)
    for seed in range(2):
        answer = sample(structure, seed)
        assert answer is not None
        _check(call_format, {name: schema}, answer)


PLAIN: Tools = {
    "save": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "title": {"type": "string"},
            "n": {"type": ["integer", "null"]},
            "parts": {"type": "array", "items": {"enum": ["x", 1]}, "maxItems": 2},
        },
        "required": ["kind", "title"],
    },
    "now": {"type": "object", "properties": {}},
}


@pytest.mark.parametrize("call_format", CALL_FORMATS)
@pytest.mark.parametrize("required", [True, False])
def test_several_calls_and_calls_amid_text_are_read(call_format: str, required: bool) -> None:
    if not required and not CALL_FORMATS[call_format].form.trigger:
        return  # nothing tells such calls from text, so that no grammar is made
    structure = calls_structure(CALL_FORMATS[call_format], PLAIN, SILENT, required=required, parallel=True)
    assert isinstance(structure, Grammar)
    for seed in range(20):
        answer = Sentences(structure.ebnf).draw(seed)
        deltas = _read(_parser(call_format, PLAIN, eager=True), [answer])
        calls = [delta.tool_call for delta in deltas if delta.tool_call]
        assert calls, answer
        for call in calls:
            jsonschema.validate(json.loads(call.arguments), PLAIN[call.name])
        if required:
            assert not "".join(delta.text for delta in deltas).strip(), answer


@pytest.mark.parametrize("call_format", CALL_FORMATS)
def test_a_demanded_call_can_be_cut_anywhere(call_format: str) -> None:
    structure = calls_structure(CALL_FORMATS[call_format], PLAIN, SILENT, required=True, parallel=True)
    assert isinstance(structure, Grammar)
    for seed in range(3):
        answer = Sentences(structure.ebnf).draw(seed)
        whole = [json.loads(call.arguments) for call in _collected(call_format, [answer])]
        for end in range(len(answer)):
            cut = answer[:end]
            deltas = list(RequiredCalls().push(_read(_parser(call_format, PLAIN, eager=True), [cut])))
            assert not "".join(delta.text + delta.reasoning for delta in deltas).strip(), cut
            calls = CollectedCalls(deltas)
            assert len(calls.all) <= len(whole)
            assert len(calls.cut) <= 1
            for call, meant in zip(calls.all, whole, strict=False):
                members = call.members()
                assert members == meant if call.whole else members.items() <= meant.items(), cut


def _collected(call_format: str, pieces: Sequence[str]) -> list[CollectedCall]:
    return CollectedCalls(RequiredCalls().push(_read(_parser(call_format, PLAIN, eager=True), pieces))).all
