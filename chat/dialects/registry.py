"""Which dialects there are, and which one a model speaks."""

from collections.abc import Mapping
from typing import Any

from chat.dialects.dialect import Block, CallForm, Dialect, Tools, fixed
from chat.dialects.gemma_text import read_gemma
from chat.dialects.json_text import read_calls
from chat.dialects.marked_text import read_deepseek, read_mistral, read_offered, read_phi
from chat.dialects.python_text import read_pythonic
from chat.dialects.xml_text import read_glm, read_qwen_coder

_TOOL_CALL = Block("<tool_call>", "</tool_call>")
_GEMMA_QUOTE = '<|"|>'
_LLAMA_HEADS = (
    '{"name": "', '{"name":"', '{ "name": "', '{\n  "name": "', '{\n    "name": "', '{"type": "function", "',
    '{"type":"function","', '{"function": "',
)  # fmt: skip


def _llama_blocks(tools: Tools) -> tuple[Block, ...]:
    return (Block("<|python_tag|>"), *(Block(head, keep=True) for head in _LLAMA_HEADS))


def _pythonic_blocks(tools: Tools) -> tuple[Block, ...]:
    bare = [Block(f"[{name}(", keep=True) for name in tools]
    return (Block("<|python_start|>", "<|python_end|>"), *bare)


def _json_form(before: str, key: str, after: str, **rest: Any) -> CallForm:
    trigger = rest.pop("trigger", before)
    return CallForm(trigger, f'{before}{{"name": "', f'", "{key}": ', f"}}{after}", **rest)


HERMES = Dialect(
    "hermes",
    fixed(_TOOL_CALL),
    read_calls,
    _json_form("<tool_call>\n", "arguments", "\n</tool_call>", trigger="<tool_call>", between="\n"),
    special=frozenset({"<tool_call>", "</tool_call>"}),
)
QWEN_CODER = Dialect(
    "qwen_coder",
    fixed(_TOOL_CALL, Block("<function=", "</function>", keep=True)),
    read_qwen_coder,
    CallForm(
        "<tool_call>", "<tool_call>\n<function=", ">\n", "</function>\n</tool_call>", between="\n", arguments="qwen_xml"
    ),
    special=frozenset({"<tool_call>", "</tool_call>"}),
    json=False,
)
LLAMA_JSON = Dialect(
    "llama_json",
    _llama_blocks,
    read_offered,
    _json_form("", "parameters", "", trigger='{"name": "', between="; "),
    special=frozenset({"<|python_tag|>"}),
)
LLAMA_PYTHONIC = Dialect(
    "llama_pythonic",
    _pythonic_blocks,
    read_pythonic,
    CallForm("", "", "(", ")", begin="[", between=", ", end="]", arguments="python"),
    special=frozenset({"<|python_start|>", "<|python_end|>"}),
    json=False,
)
MISTRAL_LIST = Dialect(
    "mistral_list",
    fixed(Block("[TOOL_CALLS]")),
    read_mistral,
    _json_form("", "arguments", "", trigger="[TOOL_CALLS]", begin="[TOOL_CALLS][", between=", ", end="]"),
    special=frozenset({"[TOOL_CALLS]"}),
)
MISTRAL = Dialect(
    "mistral",
    fixed(Block("[TOOL_CALLS]")),
    read_mistral,
    CallForm("[TOOL_CALLS]", "[TOOL_CALLS]", "[ARGS]", ""),
    special=frozenset({"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"}),
)
PHI = Dialect(
    "phi",
    fixed(Block("<|tool_call|>", "<|/tool_call|>"), Block("<|tool_calls|>", "<|/tool_calls|>"), Block("functools")),
    read_phi,
    _json_form(
        "", "arguments", "", trigger="<|tool_call|>", begin="<|tool_call|>[", between=", ", end="]<|/tool_call|>"
    ),
    special=frozenset({"<|tool_call|>", "<|/tool_call|>", "<|tool_calls|>", "<|/tool_calls|>"}),
)
DEEPSEEK = Dialect(
    "deepseek",
    fixed(Block("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")),
    read_deepseek,
    CallForm(
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
        "\n```json\n",
        "\n```<｜tool▁call▁end｜>",
        begin="<｜tool▁calls▁begin｜>",
        between="\n",
        end="<｜tool▁calls▁end｜>",
    ),
    special=frozenset(
        f"<｜tool▁{mark}｜>"
        for mark in ("calls▁begin", "calls▁end", "call▁begin", "call▁end", "sep", "outputs▁begin", "outputs▁end")
    ),
)
DEEPSEEK_V31 = Dialect(
    "deepseek_v31",
    DEEPSEEK.blocks,
    read_deepseek,
    CallForm(
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        begin="<｜tool▁calls▁begin｜>",
        end="<｜tool▁calls▁end｜>",
    ),
    special=DEEPSEEK.special,
)
GRANITE = Dialect(
    "granite",
    fixed(Block("<|tool_call|>"), Block("<tool_call>", "</tool_call>")),
    read_calls,
    _json_form("", "arguments", "", trigger="<|tool_call|>", begin="<|tool_call|>[", between=", ", end="]"),
    special=frozenset({"<|tool_call|>"}),
)
GLM = Dialect(
    "glm",
    fixed(_TOOL_CALL),
    read_glm,
    CallForm("<tool_call>", "<tool_call>", "\n", "</tool_call>", between="\n", arguments="glm_xml"),
    special=frozenset({"<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"}),
    json=False,
)
LFM = Dialect(
    "lfm",
    fixed(Block("<|tool_call_start|>", "<|tool_call_end|>")),
    read_pythonic,
    CallForm(
        "<|tool_call_start|>", "", "(", ")", begin="<|tool_call_start|>[", between=", ", end="]<|tool_call_end|>",
        arguments="python",
    ),
    special=frozenset({"<|tool_call_start|>", "<|tool_call_end|>"}),
    json=False,
)  # fmt: skip
GEMMA = Dialect(
    "gemma",
    fixed(Block("<|tool_call>", "<tool_call|>"), Block("<start_function_call>", "<end_function_call>")),
    read_gemma,
    CallForm("<|tool_call>", "<|tool_call>call:", "", "<tool_call|>", arguments="gemma"),
    special=frozenset(
        {"<|tool_call>", "<tool_call|>", _GEMMA_QUOTE, "<start_function_call>", "<end_function_call>", "<escape>"}
    ),
    json=False,
)
HARMONY = Dialect(
    "harmony",
    fixed(),
    read_calls,
    CallForm(
        "<|channel|>commentary to=functions.",
        "<|channel|>commentary to=functions.",
        " <|constrain|>json<|message|>",
        "",
        parallel=False,
    ),
    special=frozenset(f"<|{mark}|>" for mark in ("start", "channel", "constrain", "message", "end", "call", "return")),
)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        HERMES, QWEN_CODER, LLAMA_JSON, LLAMA_PYTHONIC, MISTRAL_LIST, MISTRAL, PHI, DEEPSEEK, DEEPSEEK_V31, GRANITE,
        GLM, LFM, GEMMA, HARMONY,
    )
}  # fmt: skip

# Marks in the chat template, the telling ones first: several families share <tool_call>.
_MARKS: tuple[tuple[str, Dialect], ...] = (
    ("<|channel|>", HARMONY),
    ("<｜tool▁sep｜>", DEEPSEEK),
    ("<|tool_call_start|>", LFM),
    ("<|tool_call>", GEMMA),
    ("<start_function_call>", GEMMA),
    ("<arg_key>", GLM),
    ("<function=", QWEN_CODER),
    ("[ARGS]", MISTRAL),
    ("[TOOL_CALLS]", MISTRAL_LIST),
    ("<tool_call>", HERMES),
    ("<|python_start|>", LLAMA_PYTHONIC),
    ("<|python_tag|>", LLAMA_JSON),
    ("functools", PHI),
    ("<|/tool_call|>", PHI),
    ("<|tool_call|>", GRANITE),
    ("<|tool|>", PHI),
)
_FAMILIES: tuple[tuple[str, Dialect], ...] = (
    ("gpt_oss", HARMONY), ("deepseek", DEEPSEEK), ("lfm2", LFM), ("glm4", GLM), ("mistral", MISTRAL_LIST),
    ("ministral", MISTRAL_LIST), ("llama4", LLAMA_PYTHONIC), ("llama", LLAMA_JSON), ("phi3", PHI), ("phi4", PHI),
    ("granite", GRANITE), ("gemma4", GEMMA), ("qwen", HERMES),
)  # fmt: skip


def find_dialect(template: str, config: Mapping[str, Any]) -> Dialect:
    """The dialect of a model, from its chat template's text and, where that says nothing, from config.json's
    `model_type`. The most widely spoken one, Hermes, where nothing is known."""
    for mark, dialect in _MARKS:
        if mark in template:
            return _variant(dialect, template)
    if "tools" in template and '"parameters": dictionary' in template:
        return LLAMA_JSON
    if "[func_name1(" in template:
        return LLAMA_PYTHONIC
    kind = str(config.get("model_type") or "")
    return next((dialect for family, dialect in _FAMILIES if kind.startswith(family)), HERMES)


def _variant(dialect: Dialect, template: str) -> Dialect:
    if dialect is DEEPSEEK and "```json" not in template:
        return DEEPSEEK_V31
    if dialect is MISTRAL_LIST and "<tool_call>" in template:
        return HERMES
    return dialect
