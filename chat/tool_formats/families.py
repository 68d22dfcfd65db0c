"""The ways in which model families write tool calls."""

from collections.abc import Mapping
from dataclasses import replace

from chat.tool_formats.json_families import (
    APERTUS,
    APRIEL,
    COMMAND_R,
    COMMAND_R7B,
    DEEPSEEK,
    DEEPSEEK_V31,
    FUNCTIONARY_V31,
    FUNCTIONARY_V32,
    GIGACHAT,
    GIGACHAT3,
    GRANITE,
    HARMONY,
    HERMES,
    HUNYUAN,
    INTERNLM,
    KIMI_K2,
    LFM_JSON,
    LLAMA_JSON,
    MINIMAX_M1,
    MISTRAL,
    MISTRAL_LIST,
    NEMOTRON,
    PHI,
    SOLAR,
)  # fmt: skip
from chat.tool_formats.text_families import (
    DEEPSEEK_V4,
    DEEPSEEK_V32,
    FUNCTION_GEMMA,
    GEMMA,
    GLM,
    GLM_47,
    HUNYUAN_V3,
    LFM,
    LLAMA_PYTHONIC,
    MINICPM5,
    MINIMAX,
    MUSE,
    OLMO3,
    QWEN_CODER,
    SEED_OSS,
)  # fmt: skip
from chat.tool_formats.tool_call_format import CallBlock, ParsedCalls, ToolCallFormat, Tools

_ALL = (
    HERMES, QWEN_CODER, LLAMA_JSON, LLAMA_PYTHONIC, MISTRAL_LIST, MISTRAL, PHI, DEEPSEEK, DEEPSEEK_V31, DEEPSEEK_V32,
    DEEPSEEK_V4, GRANITE, GLM, GLM_47, LFM, LFM_JSON, GEMMA, FUNCTION_GEMMA, HARMONY, MINICPM5, MUSE, COMMAND_R,
    COMMAND_R7B, APRIEL, NEMOTRON, APERTUS, FUNCTIONARY_V31, FUNCTIONARY_V32, GIGACHAT, GIGACHAT3, HUNYUAN, HUNYUAN_V3,
    SOLAR, KIMI_K2, MINIMAX, MINIMAX_M1, SEED_OSS, OLMO3, INTERNLM,
)  # fmt: skip


def _any_blocks(tools: Tools) -> tuple[CallBlock, ...]:
    """Every family's marks but those that might as well begin a text."""
    found = {block.open: block for call_format in _ALL for block in call_format.blocks(tools)}
    return tuple(block for mark, block in found.items() if mark[0] in "<[" and len(mark) > 3)


def _read_any(text: str, tools: Tools) -> ParsedCalls | None:
    for call_format in _ALL:
        reading = call_format.read(text, tools)
        if reading and reading.calls and all(call.name in tools for call in reading.calls):
            return reading
    return None


UNKNOWN = replace(
    HERMES, name="unknown", blocks=_any_blocks, read=_read_any, known=False,
    form=replace(HERMES.form, trigger=""), special=frozenset().union(
    *(call_format.special for call_format in _ALL if call_format is not HARMONY)
))  # fmt: skip

"""Where neither template nor config tells: whatever is read as a call of an offered tool is one; a demanded call is
asked for in Hermes's form, which the grammar sees to."""

CALL_FORMATS: Mapping[str, ToolCallFormat] = {call_format.name: call_format for call_format in (*_ALL, UNKNOWN)}
