"""The measurement of the prefix cache, shortened: a second turn's prefill computes only what is new."""

from pathlib import Path

import pytest

from benchmarks.second_turn import measure, report
from tests.support.launch import demo_model, device_process

pytestmark = pytest.mark.long

BLOCK_TOKENS = 32


def test_a_second_turn_computes_only_what_is_new(tmp_path: Path) -> None:
    with device_process(tmp_path, models=[demo_model(max_concurrent=4)]) as server:
        found = measure(server, conversations=2, words=300)
    for each in found:
        assert each.first.cached_tokens < BLOCK_TOKENS
        assert each.unrelated.cached_tokens < BLOCK_TOKENS
        assert each.second.cached_tokens > each.first.prompt_tokens - BLOCK_TOKENS
        assert each.second.prompt_tokens > each.second.cached_tokens
    assert [line.split()[0] for line in report(found).splitlines()] == ["first", "second", "unrelated"]
