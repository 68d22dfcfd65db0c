"""What the grammars let a model say is understood by the parsers, and satisfies the schemas."""

import json
from typing import Any

import jsonschema
import pytest

from chat.grammars.forms import JsonForm
from chat.grammars.structure import ReasoningPrefix, calls_structure
from chat.harmony import HarmonyParser
from chat.reasoning import THINK, Reasoning
from chat.sections import SectionParser
from chat.tool_formats.lookup import CALL_FORMATS
from tests.chat.conftest import Sample

TOOLS: dict[str, dict[str, Any]] = {
    "set_lamp": {
        "type": "object",
        "properties": {
            "on": {"type": "boolean"},
            "level": {"type": "integer", "minimum": -5, "maximum": 120},
            "colour": {"enum": ["red", "green"]},
            "steps": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "maxItems": 3},
        },
        "required": ["colour"],
    },
    "wait": {"type": "object", "properties": {}},
    "say": {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]},
}
SHORT = {name: TOOLS[name] for name in ("set_lamp", "wait")}
SILENT = ReasoningPrefix(Reasoning(THINK), opened=False, possible=False)
SEEDS = range(6)


def calls_in(call_format: str, answer: str) -> tuple[str, list[tuple[str, Any]]]:
    parser = (
        HarmonyParser()
        if call_format == "harmony"
        else SectionParser(call_format=CALL_FORMATS[call_format], tools=TOOLS)
    )
    deltas = [*parser.push(answer), *parser.finish()]
    calls = [delta.tool_call for delta in deltas if delta.tool_call]
    return "".join(delta.text for delta in deltas), [(call.name, json.loads(call.arguments)) for call in calls]


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("call_format", CALL_FORMATS)
def test_required_calls_are_calls_and_nothing_else(call_format: str, parallel: bool, sample: Sample) -> None:
    structure = calls_structure(CALL_FORMATS[call_format], SHORT, SILENT, required=True, parallel=parallel)
    answers = [answer for seed in SEEDS if (answer := sample(structure, seed)) is not None]
    assert answers
    for answer in answers:
        text, calls = calls_in(call_format, answer)
        assert not text.strip(), answer
        assert calls if parallel else len(calls) == 1, answer
        for name, arguments in calls:
            jsonschema.validate(arguments, TOOLS[name])


@pytest.mark.parametrize("call_format", CALL_FORMATS)
def test_free_text_with_calls_is_a_grammar(call_format: str, sample: Sample) -> None:
    form = CALL_FORMATS[call_format].form
    if form.trigger:
        structure = calls_structure(CALL_FORMATS[call_format], TOOLS, SILENT, required=False, parallel=True)
        sample(structure, 0)


def test_calls_or_an_answer_of_a_form(sample: Sample) -> None:
    form = JsonForm({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    structure = calls_structure(CALL_FORMATS["hermes"], SHORT, SILENT, required=False, parallel=True, form=form)
    for seed in SEEDS:
        text, calls = calls_in("hermes", sample(structure, seed) or "{}")
        assert bool(calls) != bool(text)


def test_calls_come_after_the_reasoning_that_the_prompt_opened(sample: Sample) -> None:
    opened = ReasoningPrefix(Reasoning(THINK), opened=True, possible=True)
    structure = calls_structure(CALL_FORMATS["hermes"], SHORT, opened, required=True, parallel=False)
    answers = [sample(structure, seed) for seed in SEEDS]  # the model that knows nothing hardly ever closes it
    assert all(answer is None or "</think>" in answer for answer in answers)
