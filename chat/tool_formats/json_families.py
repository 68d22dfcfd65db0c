"""Model families that write the arguments of calls as JSON."""

from dataclasses import replace

from chat.tool_formats.building import TOOL_CALL, json_call_format, list_form, object_form
from chat.tool_formats.marked_text import (
    DEEPSEEK_HEAD,
    FUNCTION_TAG_HEAD,
    FUNCTION_TAG_MARKS,
    FUNCTIONARY_HEAD,
    KEYED_HEAD,
    KIMI_HEAD,
    KIMI_MARKS,
    MISTRAL_HEAD,
    SOLAR_HEAD,
    SOLAR_MARKS,
    read_deepseek,
    read_functionary,
    read_keyed,
    read_mistral,
    read_offered,
    read_phi,
)  # fmt: skip
from chat.tool_formats.python_text import read_pythonic
from chat.tool_formats.tool_call_format import CallBlock, CallForm, Tools, left_out

_LLAMA_HEADS = (
    '{"name": "', '{"name":"', '{ "name": "', '{\n  "name": "', '{\n    "name": "', '{"type": "function", "',
    '{"type":"function","', '{"function": "',
)  # fmt: skip


def _llama_blocks(tools: Tools) -> tuple[CallBlock, ...]:
    return (CallBlock("<|python_tag|>"), *(CallBlock(head, keep=True) for head in _LLAMA_HEADS))


HERMES = json_call_format(
    "hermes",
    TOOL_CALL,
    form=object_form("<tool_call>\n", "arguments", "\n</tool_call>", trigger="<tool_call>", between="\n"),
    special=frozenset({"<tool_call>", "</tool_call>"}),
)

LLAMA_JSON = json_call_format(
    "llama_json",
    choose=_llama_blocks,
    read=read_offered,
    form=object_form("", "parameters", "", trigger='{"name": "', between="; "),
    special=frozenset({"<|python_tag|>"}),
)

MISTRAL_LIST = json_call_format(
    "mistral_list",
    CallBlock("[TOOL_CALLS]"),
    read=read_mistral,
    form=list_form("[TOOL_CALLS]", ""),
    special=frozenset({"[TOOL_CALLS]"}),
)

MISTRAL = json_call_format(
    "mistral",
    CallBlock("[TOOL_CALLS]"),
    read=read_mistral,
    head=MISTRAL_HEAD,
    form=CallForm("[TOOL_CALLS]", "[TOOL_CALLS]", "[ARGS]", ""),
    special=frozenset({"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"}),
)

PHI = json_call_format(
    "phi",
    CallBlock("<|tool_call|>", "<|/tool_call|>"),
    CallBlock("<|tool_calls|>", "<|/tool_calls|>"),
    CallBlock("functools"),
    read=read_phi,
    form=list_form("<|tool_call|>", "<|/tool_call|>"),
    special=frozenset({"<|tool_call|>", "<|/tool_call|>", "<|tool_calls|>", "<|/tool_calls|>"}),
)

DEEPSEEK = json_call_format(
    "deepseek",
    CallBlock("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
    CallBlock("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", keep=True),
    TOOL_CALL,
    read=read_deepseek,
    head=DEEPSEEK_HEAD,
    form=CallForm(
        "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```json\n",
        "\n```<｜tool▁call▁end｜>", begin="<｜tool▁calls▁begin｜>", between="\n", end="<｜tool▁calls▁end｜>",
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

GRANITE = json_call_format(
    "granite",
    CallBlock("<|tool_call|>"),
    TOOL_CALL,
    form=list_form("<|tool_call|>", ""),
    special=frozenset({"<|tool_call|>"}),
    silent=left_out("<response>", "</response>"),
)

LFM_JSON = json_call_format(
    "lfm_json",
    CallBlock("<|tool_call_start|>", "<|tool_call_end|>"),
    read=read_pythonic,
    form=list_form("<|tool_call_start|>", "<|tool_call_end|>"),
    special=frozenset({"<|tool_call_start|>", "<|tool_call_end|>"}),
)

HARMONY = json_call_format(
    "harmony",
    form=CallForm(
        "<|channel|>commentary to=functions.", "<|channel|>commentary to=functions.", " <|constrain|>json<|message|>",
        "", parallel=False,
    ),
    special=frozenset(f"<|{mark}|>" for mark in ("start", "channel", "constrain", "message", "end", "call", "return")),
)  # fmt: skip

KIMI_K2 = json_call_format(
    "kimi_k2",
    CallBlock("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    CallBlock("<|tool_call_begin|>", "<|tool_call_end|>", keep=True),
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

SOLAR = json_call_format(
    "solar",
    CallBlock("<|tool_call:begin|>", "<|tool_call:end|>", keep=True),
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
    silent=left_out(
        "<|begin|>assistant", "<|begin|>", "<|content|>", "<|end|>", "<|tool_calls|>", "<|calls|>", "<|flush|>"
    ),
)  # fmt: skip

APERTUS = json_call_format(
    "apertus",
    CallBlock("<|tools_prefix|>", "<|tools_suffix|>"),
    read=read_keyed,
    head=KEYED_HEAD,
    form=CallForm(
        "<|tools_prefix|>", '{"', '": ', "}", begin="<|tools_prefix|>[", between=", ", end="]<|tools_suffix|>"
    ),
    special=frozenset({"<|tools_prefix|>", "<|tools_suffix|>", "<|inner_prefix|>", "<|inner_suffix|>"}),
    silent=left_out("<|inner_suffix|>", "<|tools_suffix|>"),
)

COMMAND_R7B = json_call_format(
    "command_r7b",
    CallBlock("<|START_ACTION|>", "<|END_ACTION|>"),
    form=CallForm(
        "<|START_ACTION|>", '{"tool_call_id": "0", "tool_name": "', '", "parameters": ', "}",
        begin="<|START_ACTION|>[\n    ", between=",\n    ", end="\n]<|END_ACTION|>",
    ),
    special=frozenset(
        f"<|{side}_{part}|>" for side in ("START", "END") for part in ("ACTION", "RESPONSE", "TEXT", "THINKING")
    ),
    silent=left_out("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>", "<|CHATBOT_TOKEN|>"),
)  # fmt: skip

COMMAND_R = json_call_format(
    "command_r",
    *(CallBlock(f"Action:{space}```json", "```") for space in ("\n", " ", "")),
    form=object_form("", "parameters", "", name="tool_name", trigger="Action:", begin="Action:\n```json\n[",
                     between=", ", end="]\n```"),
    silent=left_out("<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
)  # fmt: skip

NEMOTRON = json_call_format(
    "nemotron",
    CallBlock("<TOOLCALL>", "</TOOLCALL>"),
    form=list_form("<TOOLCALL>", "</TOOLCALL>"),
    special=frozenset({"<TOOLCALL>", "</TOOLCALL>"}),
)

HUNYUAN = json_call_format(
    "hunyuan",
    CallBlock("<tool_calls>", "</tool_calls>"),
    TOOL_CALL,
    form=list_form("<tool_calls>", "</tool_calls>"),
    special=frozenset({"<tool_calls>", "</tool_calls>", "<tool_call>", "</tool_call>", "<answer>", "</answer>"}),
    silent=left_out("<answer>", "</answer>"),
)

APRIEL = replace(
    HUNYUAN,
    name="apriel",
    special=frozenset({"<tool_calls>", "</tool_calls>", "[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]", "<|end|>"}),
    silent=left_out("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]", "<|end|>"),
)

MINIMAX_M1 = replace(
    HUNYUAN,
    name="minimax_m1",
    form=object_form(
        "", "arguments", "", trigger="<tool_calls>", begin="<tool_calls>\n", between="\n", end="\n</tool_calls>"
    ),
    silent=left_out(),
)

GIGACHAT3 = json_call_format(
    "gigachat3",
    *(
        CallBlock(f"{before}function call<|role_sep|>", "<|message_sep|>")
        for before in ("<|message_sep|>\n\n", "<|message_sep|>\n", "<|message_sep|>", "")
    ),
    CallBlock("<|function_call|>", "<|message_sep|>"),
    form=object_form("function call<|role_sep|>\n", "arguments", "", trigger="function call<|role_sep|>",
                 parallel=False),
    special=frozenset({"<|role_sep|>", "<|message_sep|>", "<|function_call|>"}),
    silent=left_out("<|message_sep|>"),
)  # fmt: skip

GIGACHAT = replace(GIGACHAT3, name="gigachat", form=object_form("<|function_call|>", "arguments", "", parallel=False))

FUNCTIONARY_V31 = json_call_format(
    "functionary_v31",
    CallBlock("<function=", "</function>", keep=True),
    read=FUNCTION_TAG_MARKS.read,
    head=FUNCTION_TAG_HEAD,
    form=CallForm("<function=", "<function=", ">", "</function>"),
)

FUNCTIONARY_V32 = json_call_format(
    "functionary_v32",
    CallBlock(">>>"),
    read=read_functionary,
    head=FUNCTIONARY_HEAD,
    form=CallForm("", "", "\n", "", between="\n>>>"),
    silent=left_out(">>>all\n"),
    opening=">>>",
)

INTERNLM = json_call_format(
    "internlm",
    CallBlock("<|action_start|><|plugin|>", "<|action_end|>"),
    CallBlock("<|action_start|>", "<|action_end|>"),
    form=object_form("<|action_start|><|plugin|>\n", "parameters", "<|action_end|>", trigger="<|action_start|>",
                 parallel=False),
    special=frozenset({"<|action_start|>", "<|action_end|>", "<|plugin|>"}),
)  # fmt: skip
