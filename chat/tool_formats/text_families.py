"""Model families that write the arguments of calls as text between tags, as Python, or with marks of their own."""

from dataclasses import replace

from chat.tool_formats import gemma_text, python_text
from chat.tool_formats.building import TOOL_CALL, tagged_call_format
from chat.tool_formats.gemma_text import read_cut_gemma, read_gemma
from chat.tool_formats.python_text import read_cut_pythonic, read_pythonic
from chat.tool_formats.tagged_text import GLM_TAGS, INVOKE_TAGS, QWEN_TAGS
from chat.tool_formats.tool_call_format import CallBlock, CallForm, ToolCallFormat, Tools, fixed, left_out


def _pythonic_blocks(tools: Tools) -> tuple[CallBlock, ...]:
    bare = [CallBlock(f"[{name}(", keep=True) for name in tools]
    return (CallBlock("<|python_start|>", "<|python_end|>"), *bare)


QWEN_CODER = tagged_call_format(
    "qwen_coder",
    QWEN_TAGS,
    TOOL_CALL,
    CallBlock("<seed:tool_call>", "</seed:tool_call>"),
    CallBlock("<function=", "</function>", keep=True),
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

LLAMA_PYTHONIC = ToolCallFormat(
    "llama_pythonic",
    _pythonic_blocks,
    read_pythonic,
    CallForm("", "", "(", ")", begin="[", between=", ", end="]", arguments="python"),
    special=frozenset({"<|python_start|>", "<|python_end|>"}),
    read_cut=read_cut_pythonic,
    inside=python_text.ends_in_string,
)


def _dsml(name: str, block: str) -> ToolCallFormat:
    begin, end = f"<｜DSML｜{block}>", f"</｜DSML｜{block}>"
    return tagged_call_format(
        name,
        INVOKE_TAGS,
        *(CallBlock(f"<｜DSML｜{each}>", f"</｜DSML｜{each}>") for each in ("function_calls", "tool_calls")),
        form=CallForm(
            begin, '\n<｜DSML｜invoke name="', '">\n', "</｜DSML｜invoke>", begin=begin, end=f"\n{end}",
            arguments="tags", tags=('<｜DSML｜parameter name="{name}" string="{text}">', "</｜DSML｜parameter>\n"),
        ),
        special=frozenset({"｜DSML｜"}),
    )  # fmt: skip


DEEPSEEK_V32 = _dsml("deepseek_v32", "function_calls")

DEEPSEEK_V4 = _dsml("deepseek_v4", "tool_calls")

GLM = tagged_call_format(
    "glm",
    GLM_TAGS,
    TOOL_CALL,
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

LFM = ToolCallFormat(
    "lfm",
    fixed(CallBlock("<|tool_call_start|>", "<|tool_call_end|>")),
    read_pythonic,
    CallForm(
        "<|tool_call_start|>", "", "(", ")", begin="<|tool_call_start|>[", between=", ", end="]<|tool_call_end|>",
        arguments="python",
    ),
    special=frozenset({"<|tool_call_start|>", "<|tool_call_end|>"}),
    read_cut=read_cut_pythonic,
    inside=python_text.ends_in_string,
)  # fmt: skip

OLMO3 = replace(
    LFM,
    name="olmo3",
    blocks=fixed(CallBlock("<function_calls>", "</function_calls>")),
    form=CallForm(
        "<function_calls>", "", "(", ")", begin="<function_calls>\n", between="\n", end="\n</function_calls>",
        arguments="python",
    ),
    special=frozenset({"<function_calls>", "</function_calls>"}),
)  # fmt: skip

GEMMA = ToolCallFormat(
    "gemma",
    fixed(CallBlock("<|tool_call>", "<tool_call|>"), CallBlock("<start_function_call>", "<end_function_call>")),
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
    form=CallForm("<start_function_call>", "<start_function_call>call:", "", "<end_function_call>", arguments="escape"),
    special=frozenset({"<start_function_call>", "<end_function_call>", "<escape>"}),
    silent=left_out(),
)

MINICPM5 = tagged_call_format(
    "minicpm5",
    INVOKE_TAGS,
    CallBlock('<function name="', "</function>", keep=True),
    CallBlock("<function name='", "</function>", keep=True),
    form=CallForm(
        '<function name="', '<function name="', '">', "</function>", between="\n", arguments="tags",
        tags=('<param name="{name}">', "</param>"),
    ),
    special=frozenset({"<function", "</function>", "<param", "</param>"}),
)  # fmt: skip

MINIMAX = tagged_call_format(
    "minimax",
    INVOKE_TAGS,
    CallBlock("<minimax:tool_call>", "</minimax:tool_call>"),
    CallBlock("<steptml:toolcall>", "</steptml:toolcall>"),
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


MUSE = tagged_call_format(
    "muse",
    INVOKE_TAGS,
    CallBlock("<atem:function_calls>", "</atem:function_calls>"),
    CallBlock("<atem:invoke", "</atem:invoke>", keep=True),
    form=CallForm(
        "", " to=", '<|message|><atem:function_calls>\n<atem:invoke name="{name}">\n',
        "</atem:invoke>\n</atem:function_calls>", between="<|eom|><|start|>assistant", arguments="tags",
        tags=('<atem:parameter name="{name}">', "</atem:parameter>\n"),
    ),
    special=frozenset({"<|start|>", "<|message|>", "<|eom|>", "<|eot|>"}),
    silent=_muse_marks,
)  # fmt: skip

_SUFFIXES = ("", ":opensource")

HUNYUAN_V3 = tagged_call_format(
    "hunyuan_v3",
    GLM_TAGS,
    *(CallBlock(f"<tool_calls{suffix}>", f"</tool_calls{suffix}>") for suffix in _SUFFIXES),
    *(CallBlock(f"<tool_call{suffix}>", f"</tool_call{suffix}>") for suffix in _SUFFIXES),
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
