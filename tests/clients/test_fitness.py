"""Whether a model is fit for a client."""

from __future__ import annotations

import pytest

from clients.agent import Agent
from clients.agents import AGENTS
from clients.fitness import unfit, usable_context

ALL = ("chat", "tools")
LONG = 131_072


def keys(agent: Agent, **facts: object) -> list[str]:
    known = {"abilities": ALL, "context": LONG, "level": "fits", **facts}
    return [reason.key for reason in unfit(agent, "gpu-a/b", **known)]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_what_a_client_needs(agent: Agent) -> None:
    assert keys(agent) == []
    assert keys(agent, level="tight", context=agent.context) == []
    assert keys(agent, abilities=("embedding",)) == ["clients.no_chat"]
    assert keys(agent, abilities=("chat",)) == (["clients.no_tools"] if agent.tools else [])
    assert keys(agent, context=agent.context - 1) == ["clients.short_context"]
    assert keys(agent, level="too_large") == ["clients.too_large"]
    assert keys(agent, abilities=(), context=None) == [], "nothing is known that speaks against it"
    if agent.tools:
        assert agent.context >= 16_384
        assert agent.context > (agent.prompt_tokens or 0) + 4096, "its first request, and room for an answer"


def test_an_npu_takes_prompts_of_a_fixed_length() -> None:
    assert usable_context("NPU", LONG, None) == 1024
    assert usable_context("NPU.0", LONG, 8192) == 8192
    assert usable_context("NPU", 512, 8192) == 512
    assert usable_context("GPU", LONG, 1024) == LONG
    assert usable_context("CPU", None, None) is None
