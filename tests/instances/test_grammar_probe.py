"""A worker of its own tells good grammars from bad ones, and survives or dies without anyone else noticing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from instances.grammar_probe import MIB, GrammarProbe, GrammarRefused, ProbeNotReady
from instances.protocol import Grammar, JsonSchema, Regex, StructuralTags, Structure

MODEL = Path(__file__).parent.parent / "models" / "test_chat"
STUCK = (sys.executable, "-c", "import sys; sys.stdin.buffer.read()")
DYING = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(4)")

GOOD: list[Structure] = [
    Regex("[0-9]+"),
    Grammar('root ::= "yes" | "no"'),
    JsonSchema('{"type": "object", "properties": {"a": {"type": "string"}}}'),
    StructuralTags('{"type": "structural_tag", "format": {"type": "const_string", "value": "x"}}'),
]
BAD: list[tuple[Structure, str]] = [
    (Regex("[0-9"), "Unclosed"),
    (Regex("(?=a)b"), "Lookahead"),
    (Grammar("root ::= x"), "not defined"),
    (Grammar('start ::= "a"'), "root"),
    (JsonSchema("{"), "JSON"),
    (JsonSchema('{"type": "objekt"}'), "objekt"),
    (JsonSchema('{"$ref": "#/nope"}'), "nope"),
    (JsonSchema("false"), "false"),
    (StructuralTags('{"type": "structural_tag", "format": {"type": "nope"}}'), "nope"),
]

_BRANCHES = [f'r{number} ::= [a-z]{{1,{100 + number}}} "{number}"' for number in range(50)]
LARGE = Grammar("\n".join([f"root ::= {' | '.join(f'r{number}' for number in range(50))}", *_BRANCHES]))
"""Compiled it takes about 18 MB."""


@pytest_asyncio.fixture
async def probe() -> AsyncIterator[GrammarProbe]:
    probe = GrammarProbe()
    yield probe
    await probe.close()


async def test_good_grammars_pass_and_bad_ones_are_refused_with_their_reason(probe: GrammarProbe) -> None:
    for structure in GOOD:
        await probe.check(MODEL, structure)
    worker = probe.pid
    for structure, reason in BAD:
        with pytest.raises(GrammarRefused, match=reason):
            await probe.check(MODEL, structure)
    await probe.check(MODEL, Regex("[a-z]+"))
    assert probe.pid == worker


async def test_a_grammar_that_kills_the_worker_is_refused_and_the_next_one_is_tried(probe: GrammarProbe) -> None:
    bomb = Regex("(" * 200_000 + ")" * 200_000)
    with pytest.raises(GrammarRefused, match="too large"):
        await probe.check(MODEL, bomb)
    await probe.check(MODEL, Regex("[0-9]+"))


async def test_a_verdict_is_remembered(probe: GrammarProbe) -> None:
    await probe.check(MODEL, Regex("[0-9]+"))
    await probe.close()
    await probe.check(MODEL, Regex("[0-9]+"))
    assert probe.pid is None


async def test_a_worker_that_does_not_begin_in_time_says_nothing_of_the_grammar() -> None:
    probe = GrammarProbe(command=STUCK, start_seconds=0.1)
    with pytest.raises(ProbeNotReady, match="took too long"):
        await probe.check(MODEL, Regex("a"))
    assert probe.pid is None


async def test_the_workers_death_is_a_refusal() -> None:
    probe = GrammarProbe(command=DYING)
    with pytest.raises(GrammarRefused):
        await probe.check(MODEL, Regex("a"))


async def test_one_check_serves_all_who_ask_and_outlives_those_who_leave(probe: GrammarProbe) -> None:
    first = asyncio.create_task(probe.check(MODEL, Regex("[0-9]+")))
    others = [asyncio.create_task(probe.check(MODEL, Regex("[0-9]+"))) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(*others)


async def test_the_worker_ends_when_it_is_idle() -> None:
    probe = GrammarProbe(idle_seconds=0.01)
    await probe.check(MODEL, Regex("[0-9]+"))
    while probe.pid is not None:  # noqa: ASYNC110 (the probe has no event to wait for)
        await asyncio.sleep(0.01)
    await probe.check(MODEL, Regex("[a-z]+"))
    await probe.close()


async def test_the_memory_that_a_grammar_takes_is_told(probe: GrammarProbe) -> None:
    assert 0 < await probe.check(MODEL, Regex("[0-9]+")) < MIB
    assert await probe.check(MODEL, LARGE) > 10 * MIB


async def test_a_grammar_that_takes_too_much_memory_is_refused() -> None:
    probe = GrammarProbe(largest_bytes=10 * MIB)
    await probe.check(MODEL, Regex("[0-9]+"))
    with pytest.raises(GrammarRefused, match=r"too large: compiled it takes \d+ MiB"):
        await probe.check(MODEL, LARGE)
    await probe.close()


async def test_a_worker_that_has_grown_is_replaced() -> None:
    probe = GrammarProbe(recycle_bytes=10 * MIB)
    await probe.check(MODEL, Regex("[0-9]+"))
    first = probe.pid
    await probe.check(MODEL, LARGE)
    assert probe.pid == first
    await probe.check(MODEL, Regex("[a-z]+"))
    assert probe.pid not in (first, None)
    await probe.close()
