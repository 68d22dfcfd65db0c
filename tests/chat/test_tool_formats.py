import json
from collections.abc import Iterable

import pytest

from chat.collected import CollectedCalls
from chat.deltas import Delta
from chat.harmony import HarmonyParser
from chat.sections import AnswerParser, SectionParser, Tag
from chat.tool_formats.json_text import closed_object, complete_members
from chat.tool_formats.lookup import CALL_FORMATS, find_call_format
from chat.tool_formats.python_text import read_value
from tests.chat.corpus import EXAMPLES
from tests.chat.example import TOOLS, Example

Result = tuple[str, str, list[tuple[str, object]]]
THINK = Tag("<think>", "</think>")


def parser_of(example: Example, *, eager: bool = False) -> AnswerParser:
    if example.call_format == "harmony":
        return HarmonyParser(eager=eager)
    return SectionParser(
        reasoning=THINK, opened=example.opened, call_format=CALL_FORMATS[example.call_format], tools=TOOLS, eager=eager
    )


def parse(example: Example, pieces: Iterable[str], *, eager: bool = False) -> list[Delta]:
    parser = parser_of(example, eager=eager)
    deltas = [delta for piece in pieces for delta in parser.push(piece)]
    return [*deltas, *parser.finish()]


def result(deltas: list[Delta]) -> Result:
    calls = [(delta.tool_call.name, json.loads(delta.tool_call.arguments)) for delta in deltas if delta.tool_call]
    return "".join(delta.text for delta in deltas), "".join(delta.reasoning for delta in deltas), calls


def name_of(example: Example) -> str:
    return f"{example.call_format}-{example.answer[:40]!r}"


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_every_cut_gives_the_same_answer(example: Example) -> None:
    answer = example.answer
    expected = (example.text, example.reasoning, example.calls)
    assert result(parse(example, [answer])) == expected
    for cut in range(1, len(answer)):
        assert result(parse(example, [answer[:cut], answer[cut:]])) == expected, cut
    assert result(parse(example, answer)) == expected


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.cut], ids=name_of)
@pytest.mark.parametrize("eager", [False, True])
def test_a_call_that_was_cut_is_a_call(example: Example, eager: bool) -> None:
    for pieces in ([example.answer], example.answer):
        calls = CollectedCalls(parse(example, pieces, eager=eager)).all
        assert [(call.name, call.arguments, call.whole) for call in calls] == [(*(example.cut or ()), False)]


def test_what_is_complete_of_a_cut_call() -> None:
    assert complete_members('{"a": [1, 2], "b": "x", "c": "y') == {"a": [1, 2], "b": "x"}
    assert complete_members('{"a": 12') == complete_members("") == complete_members("[1") == {}
    assert closed_object('{"a": "x\\"y", "b": [1, {"c": "z') == {"a": 'x"y', "b": [1, {"c": "z"}]}
    assert closed_object('{"a": 1, "b') == {"a": 1, "b": None}


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.calls], ids=name_of)
@pytest.mark.parametrize("eager", [False, True])
def test_call_parts_make_up_the_calls(example: Example, eager: bool) -> None:
    for pieces in ([example.answer], example.answer):
        deltas = parse(example, pieces, eager=eager)
        parts = [delta.call_part for delta in deltas if delta.call_part]
        calls = [delta.tool_call for delta in deltas if delta.tool_call]
        for index, call in enumerate(calls):
            first, *rest = [part for part in parts if part.index == index]
            assert (first.id, first.name) == (call.id, call.name)
            assert all(part.id is None and part.name is None for part in rest)
            assert json.loads("".join(part.arguments for part in [first, *rest])) == json.loads(call.arguments)
        assert len({part.index for part in parts}) == len(calls)


@pytest.mark.parametrize(
    ("call_format", "answer"),
    [
        ("hermes", '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Par'),
        ("mistral", '[TOOL_CALLS]get_weather[ARGS]{"city": "Par'),
        (
            "deepseek",
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Par',
        ),
        ("llama_json", '{"name": "get_weather", "parameters": {"city": "Par'),
        ("harmony", '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Par'),
    ],
)
def test_arguments_come_while_they_are_written(call_format: str, answer: str) -> None:
    parser = parser_of(Example(call_format, answer), eager=True)
    parts = [delta.call_part for character in answer for delta in parser.push(character) if delta.call_part]
    assert parts[0].name == "get_weather"
    assert "".join(part.arguments for part in parts) == '{"city": "Par'


TEMPLATES = [
    ('{{ "<tool_call>" }}{"name": <function-name>, "arguments": <args-json-object>}</tool_call>', {}, "hermes"),
    ("<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>", {}, "qwen_coder"),
    ("<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>", {}, "glm"),
    ("[AVAILABLE_TOOLS]{{ tools }}[/AVAILABLE_TOOLS] [TOOL_CALLS] [", {}, "mistral_list"),
    ("{{- '[TOOL_CALLS]' + name + '[ARGS]' + arguments }}", {}, "mistral"),
    (
        "'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + type + '<｜tool▁sep｜>' + name + '\\n' + '```json'",
        {},
        "deepseek",
    ),
    ("'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + name + '<｜tool▁sep｜>' + arguments", {}, "deepseek_v31"),
    (
        '{"name": function name, "parameters": dictionary of argument name and its value}.{{ "<|python_tag|>" }}',
        {},
        "llama_json",
    ),
    ("{{ '<|python_start|>' }}", {}, "llama_pythonic"),
    ("{%- if tools %}<|tool|>{{ tools }}<|/tool|>", {"model_type": "phi3"}, "phi"),
    ("<|start_of_role|>available_tools<|end_of_role|>{{ '<|tool_call|>' }}", {"model_type": "granite"}, "granite"),
    ("<|start|>assistant<|channel|>analysis<|message|>", {}, "harmony"),
    ("<|tool_call_start|>[", {}, "lfm"),
    ("<|tool_call>call:", {}, "gemma"),
    ("{{ messages }}{{ tools }}", {"model_type": "llama"}, "llama_json"),
    ("{{ messages }}{{ tools }}", {"model_type": "qwen2"}, "hermes"),
    ("{{ messages }}{{ tools }}", {"model_type": "surprise"}, "unknown"),
    ("{{ messages }}", {"model_type": "llama"}, "hermes"),
    ("", {}, "hermes"),
    ('<function name="function-name"><param name="param-name">', {}, "minicpm5"),
    ("<atem:function_calls>\n<atem:invoke name=", {}, "muse"),
    ("<|START_ACTION|>[{{ tools }}", {}, "command_r7b"),
    ("Write 'Action:' followed by a json-formatted list {{ tools }}", {}, "command_r"),
    ("{{ tools }}[BEGIN FINAL RESPONSE]<tool_calls>[", {}, "apriel"),
    ("<AVAILABLE_TOOLS>{{ tools }}<TOOLCALL>[", {}, "nemotron"),
    ("{{ tools }}{%- set tool_calls_token = '<|tools_prefix|>' -%}", {}, "apertus"),
    ('{{ tools }}<function=example_function_name>{"example_name"', {}, "functionary_v31"),
    ("{{ tools }}>>>${recipient}\n${content}", {}, "functionary_v32"),
    ('{{ tools }}{%- set role_sep = "<|role_sep|>" -%}function call', {}, "gigachat3"),
    ("{{ tools }}<|role_sep|><|function_call|>", {}, "gigachat"),
    ("{{ tools }}<tool_calls>", {}, "hunyuan"),
    ("{{ tools }}<tool_call>name<tool_sep>\n<arg_key>", {}, "hunyuan_v3"),
    ("{{ tools }}<|tool_call:begin|>", {}, "solar"),
    ("{{ tools }}<|tool_calls_section_begin|>", {}, "kimi_k2"),
    ("{{ tools }}<minimax:tool_call>", {}, "minimax"),
    ('{%- set dsml_token = "｜DSML｜" -%}<{{ dsml_token }}function_calls>{{ tools }}', {}, "deepseek_v32"),
    ('{%- set dsml_token = "｜DSML｜" -%}<{{ dsml_token }}tool_calls>{{ tools }}', {}, "deepseek_v4"),
    ("<seed:tool_call>\n<function=f>\n<parameter=p>", {}, "seed_oss"),
    ("<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key>", {}, "glm_47"),
    ("List of tools: [{{ tools }}", {}, "lfm"),
    ("{{ tools }}", {"architectures": ["Qwen2ForCausalLM"]}, "hermes"),
]


@pytest.mark.parametrize(("template", "config", "call_format"), TEMPLATES)
def test_the_template_tells_the_dialect(template: str, config: dict[str, object], call_format: str) -> None:
    assert find_call_format(template, config).name == call_format


@pytest.mark.parametrize("text", ["{.: 1}", "[.]", "[1__0]", "[0x]", "[1.2.3]", "{'a': 09}", "[+]", "[e5]"])
def test_what_is_no_literal_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_value(text)
