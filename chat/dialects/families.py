"""The ways in which model families write tool calls."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chat.dialects import gemma_text, json_text, python_text
from chat.dialects.dialect import Block, CallForm, Dialect, Reading, Tools, fixed, left_out
from chat.dialects.gemma_text import read_cut_gemma, read_gemma
from chat.dialects.json_text import HEAD, read_calls
from chat.dialects.marked_text import (
    DEEPSEEK_HEAD, FUNCTION_TAG_HEAD, FUNCTION_TAG_MARKS, FUNCTIONARY_HEAD, KEYED_HEAD, KIMI_HEAD,
    KIMI_MARKS, MISTRAL_HEAD, SOLAR_HEAD, SOLAR_MARKS, read_deepseek, read_functionary, read_keyed, read_mistral, read_offered,
    read_phi,
)  # fmt: skip
from chat.dialects.python_text import read_cut_pythonic, read_pythonic
from chat.dialects.tagged_text import GLM_TAGS, INVOKE_TAGS, QWEN_TAGS, Tags

_TOOL_CALL = Block("<tool_call>", "</tool_call>")
_LLAMA_HEADS = (
    '{"name": "', '{"name":"', '{ "name": "', '{\n  "name": "', '{\n    "name": "', '{"type": "function", "',
    '{"type":"function","', '{"function": "',
)  # fmt: skip


def _llama_blocks(tools: Tools) -> tuple[Block, ...]:
    return (Block("<|python_tag|>"), *(Block(head, keep=True) for head in _LLAMA_HEADS))


def _pythonic_blocks(tools: Tools) -> tuple[Block, ...]:
    bare = [Block(f"[{name}(", keep=True) for name in tools]
    return (Block("<|python_start|>", "<|python_end|>"), *bare)


def _json(name: str, *blocks: Block, form: CallForm, **rest: Any) -> Dialect:
    """One whose arguments are JSON text."""
    return Dialect(
        name, rest.pop("choose", None) or fixed(*blocks), rest.pop("read", read_calls), form,
        head=rest.pop("head", HEAD), inside=json_text.ends_in_string, **rest,
    )  # fmt: skip


def _tagged(name: str, tags: Tags, *blocks: Block, form: CallForm, **rest: Any) -> Dialect:
    """One whose arguments stand between tags."""
    return Dialect(name, fixed(*blocks), tags.read, form, read_cut=tags.read_cut, inside=tags.inside, **rest)


def _object(before: str, key: str, after: str, *, name: str = "name", **rest: Any) -> CallForm:
    """A call as a JSON object."""
    return CallForm(rest.pop("trigger", before), f'{before}{{"{name}": "', f'", "{key}": ', f"}}{after}", **rest)


def _listed(begin: str, end: str, *, key: str = "arguments", **rest: Any) -> CallForm:
    """A list of calls as JSON objects between two marks."""
    return _object("", key, "", trigger=begin, begin=f"{begin}[", between=", ", end=f"]{end}", **rest)


HERMES = _json(
    "hermes",
    _TOOL_CALL,
    form=_object("<tool_call>\n", "arguments", "\n</tool_call>", trigger="<tool_call>", between="\n"),
    special=frozenset({"<tool_call>", "</tool_call>"}),
)
QWEN_CODER = _tagged(
    "qwen_coder",
    QWEN_TAGS,
    _TOOL_CALL,
    Block("<seed:tool_call>", "</seed:tool_call>"),
    Block("<function=", "</function>", keep=True),
    form=CallForm(
        "<tool_call>", "<tool_call>\n<function=", ">\n", "</function>\n</tool_call>", between="\n", arguments="tags",
        tags=("<parameter={name}>\n", "\n</parameter>\n"),
    ),
    special=frozenset({"<tool_call>", "</tool_call>", "<seed:tool_call>", "</seed:tool_call>"}),
    silent=left_out("</tool_call>", "</seed:tool_call>"),
)  # fmt: skip
SEED_OSS = replace(
    QWEN_CODER,
    name="seed_oss",
    form=CallForm(
        "<seed:tool_call>", "<seed:tool_call>\n<function=", ">\n", "</function>\n</seed:tool_call>", between="\n",
        arguments="tags", tags=("<parameter={name}>", "</parameter>\n"),
    ),
    special=QWEN_CODER.special | {"<seed:cot_budget_reflect>", "</seed:cot_budget_reflect>"},
)  # fmt: skip
LLAMA_JSON = _json(
    "llama_json",
    choose=_llama_blocks,
    read=read_offered,
    form=_object("", "parameters", "", trigger='{"name": "', between="; "),
    special=frozenset({"<|python_tag|>"}),
)
LLAMA_PYTHONIC = Dialect(
    "llama_pythonic",
    _pythonic_blocks,
    read_pythonic,
    CallForm("", "", "(", ")", begin="[", between=", ", end="]", arguments="python"),
    special=frozenset({"<|python_start|>", "<|python_end|>"}),
    read_cut=read_cut_pythonic,
    inside=python_text.ends_in_string,
)
MISTRAL_LIST = _json(
    "mistral_list",
    Block("[TOOL_CALLS]"),
    read=read_mistral,
    form=_listed("[TOOL_CALLS]", ""),
    special=frozenset({"[TOOL_CALLS]"}),
)
MISTRAL = _json(
    "mistral",
    Block("[TOOL_CALLS]"),
    read=read_mistral,
    head=MISTRAL_HEAD,
    form=CallForm("[TOOL_CALLS]", "[TOOL_CALLS]", "[ARGS]", ""),
    special=frozenset({"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"}),
)
PHI = _json(
    "phi",
    Block("<|tool_call|>", "<|/tool_call|>"),
    Block("<|tool_calls|>", "<|/tool_calls|>"),
    Block("functools"),
    read=read_phi,
    form=_listed("<|tool_call|>", "<|/tool_call|>"),
    special=frozenset({"<|tool_call|>", "<|/tool_call|>", "<|tool_calls|>", "<|/tool_calls|>"}),
)
DEEPSEEK = _json(
    "deepseek",
    Block("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
    Block("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", keep=True),
    _TOOL_CALL,
    read=read_deepseek,
    head=DEEPSEEK_HEAD,
    form=CallForm(
        "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```json\n", "\n```<｜tool▁call▁end｜>",
        begin="<｜tool▁calls▁begin｜>", between="\n", end="<｜tool▁calls▁end｜>",
    ),
    special=frozenset(
        f"<｜tool▁{mark}｜>"
        for mark in ("calls▁begin", "calls▁end", "call▁begin", "call▁end", "sep", "outputs▁begin", "outputs▁end")
    ),
)  # fmt: skip
DEEPSEEK_V31 = replace(
    DEEPSEEK,
    name="deepseek_v31",
    form=CallForm(
        "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>",
        begin="<｜tool▁calls▁begin｜>", end="<｜tool▁calls▁end｜>",
    ),
)  # fmt: skip


def _dsml(name: str, block: str) -> Dialect:
    begin, end = f"<｜DSML｜{block}>", f"</｜DSML｜{block}>"
    return _tagged(
        name,
        INVOKE_TAGS,
        *(Block(f"<｜DSML｜{each}>", f"</｜DSML｜{each}>") for each in ("function_calls", "tool_calls")),
        form=CallForm(
            begin, '\n<｜DSML｜invoke name="', '">\n', "</｜DSML｜invoke>", begin=begin, end=f"\n{end}",
            arguments="tags", tags=('<｜DSML｜parameter name="{name}" string="{text}">', "</｜DSML｜parameter>\n"),
        ),
        special=frozenset({"｜DSML｜"}),
    )  # fmt: skip


DEEPSEEK_V32 = _dsml("deepseek_v32", "function_calls")
DEEPSEEK_V4 = _dsml("deepseek_v4", "tool_calls")
GRANITE = _json(
    "granite",
    Block("<|tool_call|>"),
    _TOOL_CALL,
    form=_listed("<|tool_call|>", ""),
    special=frozenset({"<|tool_call|>"}),
    silent=left_out("<response>", "</response>"),
)
GLM = _tagged(
    "glm",
    GLM_TAGS,
    _TOOL_CALL,
    form=CallForm(
        "<tool_call>", "<tool_call>", "\n", "</tool_call>", between="\n", arguments="tags",
        tags=("<arg_key>{name}</arg_key>\n<arg_value>", "</arg_value>\n"),
    ),
    special=frozenset({"<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"}),
)  # fmt: skip
GLM_47 = replace(
    GLM,
    name="glm_47",
    form=CallForm(
        "<tool_call>", "<tool_call>", "", "</tool_call>", arguments="tags",
        tags=("<arg_key>{name}</arg_key><arg_value>", "</arg_value>"),
    ),
)  # fmt: skip
LFM = Dialect(
    "lfm",
    fixed(Block("<|tool_call_start|>", "<|tool_call_end|>")),
    read_pythonic,
    CallForm(
        "<|tool_call_start|>", "", "(", ")", begin="<|tool_call_start|>[", between=", ", end="]<|tool_call_end|>",
        arguments="python",
    ),
    special=frozenset({"<|tool_call_start|>", "<|tool_call_end|>"}),
    read_cut=read_cut_pythonic,
    inside=python_text.ends_in_string,
)  # fmt: skip
LFM_JSON = _json(
    "lfm_json",
    Block("<|tool_call_start|>", "<|tool_call_end|>"),
    read=read_pythonic,
    form=_listed("<|tool_call_start|>", "<|tool_call_end|>"),
    special=LFM.special,
)
OLMO3 = replace(
    LFM,
    name="olmo3",
    blocks=fixed(Block("<function_calls>", "</function_calls>")),
    form=CallForm(
        "<function_calls>", "", "(", ")", begin="<function_calls>\n", between="\n", end="\n</function_calls>",
        arguments="python",
    ),
    special=frozenset({"<function_calls>", "</function_calls>"}),
)  # fmt: skip
GEMMA = Dialect(
    "gemma",
    fixed(Block("<|tool_call>", "<tool_call|>"), Block("<start_function_call>", "<end_function_call>")),
    read_gemma,
    CallForm("<|tool_call>", "<|tool_call>call:", "", "<tool_call|>", arguments="gemma"),
    special=frozenset({"<|tool_call>", "<tool_call|>", '<|"|>', "<|channel>", "<channel|>"}),
    silent=left_out("<|channel>", "<channel|>"),
    read_cut=read_cut_gemma,
    inside=gemma_text.ends_in_text,
)
FUNCTION_GEMMA = replace(
    GEMMA,
    name="function_gemma",
    form=CallForm(
        "<start_function_call>", "<start_function_call>call:", "", "<end_function_call>", arguments="escape"
    ),
    special=frozenset({"<start_function_call>", "<end_function_call>", "<escape>"}),
    silent=left_out(),
)
HARMONY = _json(
    "harmony",
    form=CallForm(
        "<|channel|>commentary to=functions.", "<|channel|>commentary to=functions.", " <|constrain|>json<|message|>",
        "", parallel=False,
    ),
    special=frozenset(f"<|{mark}|>" for mark in ("start", "channel", "constrain", "message", "end", "call", "return")),
)  # fmt: skip
MINICPM5 = _tagged(
    "minicpm5",
    INVOKE_TAGS,
    Block('<function name="', "</function>", keep=True),
    Block("<function name='", "</function>", keep=True),
    form=CallForm(
        '<function name="', '<function name="', '">', "</function>", between="\n", arguments="tags",
        tags=('<param name="{name}">', "</param>"),
    ),
    special=frozenset({"<function", "</function>", "<param", "</param>"}),
)  # fmt: skip
MINIMAX = _tagged(
    "minimax",
    INVOKE_TAGS,
    Block("<minimax:tool_call>", "</minimax:tool_call>"),
    Block("<steptml:toolcall>", "</steptml:toolcall>"),
    form=CallForm(
        "<minimax:tool_call>", '\n<invoke name="', '">\n', "</invoke>", begin="<minimax:tool_call>",
        end="\n</minimax:tool_call>", arguments="tags", tags=('<parameter name="{name}">', "</parameter>\n"),
    ),
    special=frozenset({"<minimax:tool_call>", "</minimax:tool_call>"}),
)  # fmt: skip


def _muse_marks(tools: Tools) -> tuple[str, ...]:
    recipients = ("user", *tools, *{name.partition(".")[0] for name in tools})
    headers = (f"{space}to={name}<|message|>" for name in recipients for space in (" ", ""))
    return (*headers, "<|start|>assistant", "<|start|>", "<|message|>", "<|eom|>", "<|eot|>")


MUSE = _tagged(
    "muse",
    INVOKE_TAGS,
    Block("<atem:function_calls>", "</atem:function_calls>"),
    Block("<atem:invoke", "</atem:invoke>", keep=True),
    form=CallForm(
        "", " to=", '<|message|><atem:function_calls>\n<atem:invoke name="{name}">\n',
        "</atem:invoke>\n</atem:function_calls>", between="<|eom|><|start|>assistant", arguments="tags",
        tags=('<atem:parameter name="{name}">', "</atem:parameter>\n"),
    ),
    special=frozenset({"<|start|>", "<|message|>", "<|eom|>", "<|eot|>"}),
    silent=_muse_marks,
)  # fmt: skip
KIMI_K2 = _json(
    "kimi_k2",
    Block("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    Block("<|tool_call_begin|>", "<|tool_call_end|>", keep=True),
    read=KIMI_MARKS.read,
    head=KIMI_HEAD,
    form=CallForm(
        "<|tool_calls_section_begin|>", "<|tool_call_begin|>functions.", ":0<|tool_call_argument_begin|>",
        "<|tool_call_end|>", begin="<|tool_calls_section_begin|>", end="<|tool_calls_section_end|>",
    ),
    special=frozenset(
        f"<|{mark}|>"
        for mark in ("tool_calls_section_begin", "tool_calls_section_end", "tool_call_begin", "tool_call_end",
                     "tool_call_argument_begin")
    ),
)  # fmt: skip
SOLAR = _json(
    "solar",
    Block("<|tool_call:begin|>", "<|tool_call:end|>", keep=True),
    read=SOLAR_MARKS.read,
    head=SOLAR_HEAD,
    form=CallForm(
        "<|tool_call:begin|>", "<|tool_call:begin|>0<|tool_call:name|>", "<|tool_call:args|>", "<|tool_call:end|>"
    ),
    special=frozenset(
        f"<|{mark}|>"
        for mark in ("begin", "end", "think", "content", "tool_calls", "calls", "flush", "tool_call:begin",
                     "tool_call:name", "tool_call:args", "tool_call:end")
    ),
    silent=left_out("<|begin|>assistant", "<|begin|>", "<|content|>", "<|end|>", "<|tool_calls|>", "<|calls|>", "<|flush|>"),
)  # fmt: skip
APERTUS = _json(
    "apertus",
    Block("<|tools_prefix|>", "<|tools_suffix|>"),
    read=read_keyed,
    head=KEYED_HEAD,
    form=CallForm(
        "<|tools_prefix|>", '{"', '": ', "}", begin="<|tools_prefix|>[", between=", ", end="]<|tools_suffix|>"
    ),
    special=frozenset({"<|tools_prefix|>", "<|tools_suffix|>", "<|inner_prefix|>", "<|inner_suffix|>"}),
    silent=left_out("<|inner_suffix|>", "<|tools_suffix|>"),
)
COMMAND_R7B = _json(
    "command_r7b",
    Block("<|START_ACTION|>", "<|END_ACTION|>"),
    form=CallForm(
        "<|START_ACTION|>", '{"tool_call_id": "0", "tool_name": "', '", "parameters": ', "}",
        begin="<|START_ACTION|>[\n    ", between=",\n    ", end="\n]<|END_ACTION|>",
    ),
    special=frozenset(
        f"<|{side}_{part}|>" for side in ("START", "END") for part in ("ACTION", "RESPONSE", "TEXT", "THINKING")
    ),
    silent=left_out("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>", "<|CHATBOT_TOKEN|>"),
)  # fmt: skip
COMMAND_R = _json(
    "command_r",
    *(Block(f"Action:{space}```json", "```") for space in ("\n", " ", "")),
    form=_object("", "parameters", "", name="tool_name", trigger="Action:", begin="Action:\n```json\n[", between=", ",
                 end="]\n```"),
    silent=left_out("<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
)  # fmt: skip
NEMOTRON = _json(
    "nemotron",
    Block("<TOOLCALL>", "</TOOLCALL>"),
    form=_listed("<TOOLCALL>", "</TOOLCALL>"),
    special=frozenset({"<TOOLCALL>", "</TOOLCALL>"}),
)
HUNYUAN = _json(
    "hunyuan",
    Block("<tool_calls>", "</tool_calls>"),
    _TOOL_CALL,
    form=_listed("<tool_calls>", "</tool_calls>"),
    special=frozenset({"<tool_calls>", "</tool_calls>", "<tool_call>", "</tool_call>", "<answer>", "</answer>"}),
    silent=left_out("<answer>", "</answer>"),
)
_SUFFIXES = ("", ":opensource")
HUNYUAN_V3 = _tagged(
    "hunyuan_v3",
    GLM_TAGS,
    *(Block(f"<tool_calls{suffix}>", f"</tool_calls{suffix}>") for suffix in _SUFFIXES),
    *(Block(f"<tool_call{suffix}>", f"</tool_call{suffix}>") for suffix in _SUFFIXES),
    form=CallForm(
        "<tool_calls>", "<tool_call>", "<tool_sep>\n", "</tool_call>", begin="<tool_calls>\n", between="\n",
        end="\n</tool_calls>", arguments="tags", tags=("<arg_key>{name}</arg_key>\n<arg_value>", "</arg_value>\n"),
    ),
    special=frozenset(
        f"<{slash}{mark}{suffix}>"
        for slash in ("", "/")
        for mark in ("tool_calls", "tool_call", "tool_sep", "arg_key", "arg_value", "answer")
        for suffix in _SUFFIXES
    ),
    silent=left_out("<answer>", "</answer>", "<answer:opensource>", "</answer:opensource>"),
)  # fmt: skip
APRIEL = replace(
    HUNYUAN,
    name="apriel",
    special=frozenset({"<tool_calls>", "</tool_calls>", "[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]", "<|end|>"}),
    silent=left_out("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]", "<|end|>"),
)
MINIMAX_M1 = replace(
    HUNYUAN,
    name="minimax_m1",
    form=_object("", "arguments", "", trigger="<tool_calls>", begin="<tool_calls>\n", between="\n", end="\n</tool_calls>"),
    silent=left_out(),
)
GIGACHAT3 = _json(
    "gigachat3",
    *(
        Block(f"{before}function call<|role_sep|>", "<|message_sep|>")
        for before in ("<|message_sep|>\n\n", "<|message_sep|>\n", "<|message_sep|>", "")
    ),
    Block("<|function_call|>", "<|message_sep|>"),
    form=_object("function call<|role_sep|>\n", "arguments", "", trigger="function call<|role_sep|>",
                 parallel=False),
    special=frozenset({"<|role_sep|>", "<|message_sep|>", "<|function_call|>"}),
    silent=left_out("<|message_sep|>"),
)  # fmt: skip
GIGACHAT = replace(GIGACHAT3, name="gigachat", form=_object("<|function_call|>", "arguments", "", parallel=False))
FUNCTIONARY_V31 = _json(
    "functionary_v31",
    Block("<function=", "</function>", keep=True),
    read=FUNCTION_TAG_MARKS.read,
    head=FUNCTION_TAG_HEAD,
    form=CallForm("<function=", "<function=", ">", "</function>"),
)
FUNCTIONARY_V32 = _json(
    "functionary_v32",
    Block(">>>"),
    read=read_functionary,
    head=FUNCTIONARY_HEAD,
    form=CallForm("", "", "\n", "", between="\n>>>"),
    silent=left_out(">>>all\n"),
    opening=">>>",
)
INTERNLM = _json(
    "internlm",
    Block("<|action_start|><|plugin|>", "<|action_end|>"),
    Block("<|action_start|>", "<|action_end|>"),
    form=_object("<|action_start|><|plugin|>\n", "parameters", "<|action_end|>", trigger="<|action_start|>",
                 parallel=False),
    special=frozenset({"<|action_start|>", "<|action_end|>", "<|plugin|>"}),
)  # fmt: skip

_ALL = (
    HERMES, QWEN_CODER, LLAMA_JSON, LLAMA_PYTHONIC, MISTRAL_LIST, MISTRAL, PHI, DEEPSEEK, DEEPSEEK_V31, DEEPSEEK_V32,
    DEEPSEEK_V4, GRANITE, GLM, GLM_47, LFM, LFM_JSON, GEMMA, FUNCTION_GEMMA, HARMONY, MINICPM5, MUSE, COMMAND_R,
    COMMAND_R7B, APRIEL, NEMOTRON, APERTUS, FUNCTIONARY_V31, FUNCTIONARY_V32, GIGACHAT, GIGACHAT3, HUNYUAN, HUNYUAN_V3,
    SOLAR, KIMI_K2, MINIMAX, MINIMAX_M1, SEED_OSS, OLMO3, INTERNLM,
)  # fmt: skip


def _any_blocks(tools: Tools) -> tuple[Block, ...]:
    """Every family's marks but those that might as well begin a text."""
    found = {block.open: block for dialect in _ALL for block in dialect.blocks(tools)}
    return tuple(block for mark, block in found.items() if mark[0] in "<[" and len(mark) > 3)


def _read_any(text: str, tools: Tools) -> Reading | None:
    for dialect in _ALL:
        reading = dialect.read(text, tools)
        if reading and all(call.name in tools for call in reading.calls):
            return reading
    return None


UNKNOWN = replace(
    HERMES, name="unknown", blocks=_any_blocks, read=_read_any, known=False,
    form=replace(HERMES.form, trigger=""), special=frozenset().union(
    *(dialect.special for dialect in _ALL if dialect is not HARMONY)
))  # fmt: skip
"""Where neither template nor config tells: whatever is read as a call of an offered tool is one; a demanded call is
asked for in Hermes's form, which the grammar sees to."""

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (*_ALL, UNKNOWN)}
