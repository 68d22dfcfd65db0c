"""Whatever a model writes: no parser of answers fails, loses text or lets the cutting of the stream show."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from hypothesis import strategies as st

from chat.deltas import Delta
from chat.harmony import HarmonyParser
from chat.sections import AnswerParser, SectionParser, Tag
from chat.tool_formats.lookup import CALL_FORMATS
from tests.chat.corpus import EXAMPLES
from tests.chat.example import TOOLS, Example
from tests.fuzz.running import fuzz
from web.streaming import ndjson, sse

THINK = Tag("<think>", "</think>")
MARKS = sorted(
    {mark for call_format in CALL_FORMATS.values() for mark in call_format.special}
    | {
        mark
        for call_format in CALL_FORMATS.values()
        for block in call_format.blocks(TOOLS)
        for mark in (block.open, block.close)
    }
    | {THINK.open, THINK.close, "<parameter=city>", "</parameter>", "functions.get_weather", " to=", "call:now"}
)
PIECES = (
    '{"name": "get_weather", "arguments": ', '{"city": "Paris"}', '{"city": "\\ud83d"}', '"a\\u0000b"', "NaN", "1e999",
    "}", "{", "[", "]", '"', "\\", "```json\n", "\n```", "get_weather", "now", "(", ")", 'city="Paris"', "days=2", ",",
    "null", ": ", "\n", " ", "analysis", "final", "commentary", "北京", "\U0001f600", "\u2028", "9" * 400,
)  # fmt: skip


def _mutated(answer: str) -> st.SearchStrategy[str]:
    places = st.integers(0, len(answer))
    return st.builds(
        lambda start, end, put: answer[: min(start, end)] + put + answer[max(start, end) :],
        places, places, st.sampled_from(("", *MARKS, *PIECES)) | st.text(max_size=5),
    )  # fmt: skip


ODD_VALUES = (
    "NaN", "-Infinity", "1e999", '"\\ud83d"', '"\\ud83d\\ude00"', '"a\\u0000b"', "9" * 5000, "[" * 2000, "'", "--1",
    "0x" + "f" * 5000, '"\\x41"', "'\\ud83d'", "{1: 2}", "None", "true", "1e-400", "-0.0", '{"a": [Infinity]}',
    "1j", "b'x'", "'\\N{DIGIT ONE}'", "'a' 'b'", "f'{x}'", "...", "0777", "1_0", "\x00", "\ufeff", "{'a': {'b': nan}}",
)  # fmt: skip


def _with_odd_values(answer: str) -> st.SearchStrategy[str]:
    meant = st.sampled_from(('"?Paris"?', "3", "Oslo", "city"))
    put = st.sampled_from(ODD_VALUES) | st.text(max_size=5).map(json.dumps)
    return st.builds(lambda value, odd: re.sub(value, lambda _: odd, answer), meant, put)


def _with_odd_parts(example: Example) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(example.call_format), _with_odd_values(example.answer) | _mutated(example.answer))


CALL_FORMAT = st.sampled_from(sorted(CALL_FORMATS))
NONSENSE = st.lists(st.sampled_from((*MARKS, *PIECES)) | st.text(max_size=8), max_size=25).map("".join)
SEVERAL = st.lists(st.sampled_from([example.answer for example in EXAMPLES]), max_size=3).map("".join)
ANSWERS = st.tuples(CALL_FORMAT, NONSENSE | SEVERAL) | st.sampled_from(EXAMPLES).flatmap(_with_odd_parts)
"""A dialect and what a model writes in it."""
CUTS = st.lists(st.integers(0, 400), max_size=12)


def parser_of(call_format: str, *, opened: bool = False, eager: bool = False) -> AnswerParser:
    if call_format == "harmony":
        return HarmonyParser(eager=eager)
    return SectionParser(
        reasoning=THINK, opened=opened, call_format=CALL_FORMATS[call_format], tools=TOOLS, eager=eager
    )


def parse(parser: AnswerParser, pieces: Iterable[str]) -> list[Delta]:
    deltas = [delta for piece in pieces for delta in parser.push(piece)]
    return [*deltas, *parser.finish()]


def cut(text: str, places: Sequence[int]) -> Iterator[str]:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return (text[start:end] for start, end in pairwise(edges))


@dataclass(frozen=True)
class Understood:
    """What a client comes to know of an answer, however it was cut."""

    text: str
    reasoning: str
    calls: list[tuple[str, str]]
    parts: list[tuple[str | None, str]]


def understood(deltas: list[Delta]) -> Understood:
    parts: dict[int, tuple[str | None, str]] = {}
    for part in (delta.call_part for delta in deltas if delta.call_part):
        name, arguments = parts.get(part.index, (None, ""))
        parts[part.index] = (name or part.name, arguments + part.arguments)
    return Understood(
        "".join(delta.text for delta in deltas),
        "".join(delta.reasoning for delta in deltas),
        [(delta.tool_call.name, delta.tool_call.arguments) for delta in deltas if delta.tool_call],
        [parts[index] for index in sorted(parts)],
    )


def strict(text: str) -> Any:
    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def without_marks(text: str, call_format: str) -> str:
    """Without white space and the marks of reasoning and those that are silent, also those that only then stand
    together."""
    silent = [mark for mark in ("<think>", "</think>", CALL_FORMATS[call_format].opening) if mark]
    silent += CALL_FORMATS[call_format].silent(TOOLS)
    marks = "|".join(re.escape("".join(mark.split())) for mark in sorted(silent, key=len, reverse=True))
    text = "".join(text.split())
    while (shorter := re.sub(marks, "", text)) != text:
        text = shorter
    return text


@fuzz(ANSWERS, CUTS, st.booleans(), st.booleans())
def test_cuts_do_not_show(case: tuple[str, str], cuts: list[int], opened: bool, eager: bool) -> None:
    call_format, answer = case
    whole = understood(parse(parser_of(call_format, opened=opened, eager=eager), [answer]))
    assert understood(parse(parser_of(call_format, opened=opened, eager=eager), cut(answer, cuts))) == whole
    assert understood(parse(parser_of(call_format, opened=opened, eager=eager), answer)) == whole


UNSENDABLE = ("NaN", "1e999", '"\\ud83d"', "9" * 30)


@fuzz(
    ANSWERS,
    st.booleans(),
    found=[
        (("hermes", f'<tool_call>{{"name": "now", "arguments": {{"a": {value}}}}}</tool_call>'), False)
        for value in UNSENDABLE
    ],
)
def test_calls_can_be_sent(case: tuple[str, str], opened: bool) -> None:
    call_format, answer = case
    for delta in parse(parser_of(call_format, opened=opened), [answer]):
        if delta.tool_call is None:
            continue
        arguments = strict(delta.tool_call.arguments)
        assert isinstance(arguments, dict)
        sent = {"name": delta.tool_call.name, "text": delta.tool_call.arguments, "arguments": arguments}
        for encoded in (sse(sent).removeprefix(b"data: "), ndjson(sent)):
            assert strict(encoded.decode()) == sent


@fuzz(ANSWERS.filter(lambda case: case[0] not in ("harmony", "functionary_v32")), st.booleans())
def test_no_text_is_lost(case: tuple[str, str], opened: bool) -> None:
    call_format, answer = case
    deltas = parse(parser_of(call_format, opened=opened), [answer])
    if not any(delta.tool_call or delta.call_part for delta in deltas):
        kept = "".join(delta.text + delta.reasoning for delta in deltas)
        assert without_marks(kept, call_format) == without_marks(answer, call_format)


@fuzz(CALL_FORMAT, st.text(alphabet="abc é北.,\n", min_size=1), st.sampled_from(EXAMPLES))
def test_text_before_a_call_stays(call_format: str, before: str, example: Example) -> None:
    deltas = parse(parser_of(call_format), [before + example.answer])
    assert understood(deltas).text.strip().startswith(before.strip())


@fuzz(CALL_FORMAT, st.sampled_from((*MARKS, *PIECES)), st.sampled_from((*MARKS, *PIECES)), st.booleans())
def test_long_repetitions_take_no_long_time(call_format: str, first: str, second: str, eager: bool) -> None:
    answer = first + second * (6000 // max(len(second), 1)) + first
    understood(parse(parser_of(call_format, eager=eager), cut(answer, range(0, len(answer), 5))))
