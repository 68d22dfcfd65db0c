"""The measurement of tool calls, shortened: every call is valid on both kinds of pipeline."""

import pytest

from benchmarks.tool_calls import main

pytestmark = pytest.mark.long


def test_every_call_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--calls", "10"]) == 0
    last = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split(" valid")[0] for line in last] == ["continuous_batching: 10 of 10", "llm_pipeline: 10 of 10"]
