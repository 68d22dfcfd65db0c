"""In which way a model writes tool calls, from its chat template's text and the `model_type` of its config.json."""

import re
from collections.abc import Mapping
from typing import Any

# What stands in templates, the telling ones first: several families share <tool_call>.
_MARKS: tuple[tuple[str, str], ...] = (
    ("<atem:function_calls>", "muse"),
    ("<|channel|>", "harmony"),
    ("｜DSML｜", "deepseek_v32"),
    ("<｜tool▁sep｜>", "deepseek"),
    ("<｜tool▁calls▁begin｜>", "deepseek"),
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<|tool_call_argument_begin|>", "kimi_k2"),
    ("<|tool_call:begin|>", "solar"),
    ("<|tools_prefix|>", "apertus"),
    ("<|START_ACTION|>", "command_r7b"),
    ("<|function_call|>", "gigachat"),
    ("<|role_sep|>", "gigachat3"),
    ("<minimax:tool_call>", "minimax"),
    ("<steptml:invoke", "minimax"),
    ("<|tool_call_start|>", "lfm"),
    ("<|tool_list_start|>", "lfm"),
    ("List of tools: [", "lfm"),
    ("<|tool_call>", "gemma"),
    ("<start_function_call>", "function_gemma"),
    ("<function name=", "minicpm5"),
    ("<arg_key", "glm"),
    ("<seed:tool_call>", "seed_oss"),
    ("<parameter=", "qwen_coder"),
    ("<function=", "functionary_v31"),
    (">>>${recipient}", "functionary_v32"),
    (">>>all", "functionary_v32"),
    ("[BEGIN FINAL RESPONSE]", "apriel"),
    ("<TOOLCALL>", "nemotron"),
    ("[ARGS]", "mistral"),
    ("[TOOL_CALLS]", "mistral_list"),
    ("<function_calls>", "olmo3"),
    ("<tool_calls>", "hunyuan"),
    ("<tool_call>", "hermes"),
    ("<|python_start|>", "llama_pythonic"),
    ("<|python_tag|>", "llama_json"),
    ("functools", "phi"),
    ("<|/tool_call|>", "phi"),
    ("<|tool_call|>", "granite"),
    ("<|tool|>", "phi"),
    ("<|action_start|>", "internlm"),
    ("'Action:' followed by", "command_r"),
    ("Action:\\n```json", "command_r"),
)
_TYPES: tuple[tuple[str, str], ...] = (
    ("gpt_oss", "harmony"), ("deepseek_v32", "deepseek_v32"), ("deepseek", "deepseek"), ("lfm2", "lfm"),
    ("glm4", "glm"), ("mistral", "mistral_list"), ("ministral", "mistral_list"), ("llama4", "llama_pythonic"),
    ("llama", "llama_json"),
    ("phi3", "phi"), ("phi4", "phi"), ("granite", "granite"), ("gemma4", "gemma"), ("apertus", "apertus"),
    ("cohere", "command_r7b"), ("hunyuan", "hunyuan"), ("hy_v3", "hunyuan_v3"), ("kimi_k2", "kimi_k2"),
    ("minimax", "minimax"), ("seed_oss", "seed_oss"), ("solar_open", "solar"), ("muse", "muse"),
    ("nemotron_h", "nemotron"), ("minicpm5", "minicpm5"), ("olmo3", "olmo3"), ("internlm2", "internlm"),
    ("qwen", "hermes"),
)  # fmt: skip


def model_type(config: Mapping[str, Any]) -> str:
    """The `model_type` of config.json, or else the name of the model's class in small letters."""
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else ""
    return str(config.get("model_type") or named).lower()


def knows_tools(template: str) -> bool:
    """Whether a chat template shows the tools or calls that it is given."""
    return "tools" in template or "tool_calls" in template


def find_family(template: str, kind: str = "") -> str | None:
    """The name of the family's way, None where neither the text nor `kind`, the `model_type`, tells it.

    A template that knows nothing of tools gets them described in the prompt, with the calls to be written as Hermes
    does: that is what its model is then asked for.
    """
    for mark, family in _MARKS:
        if mark in template:
            return _variant(family, template)
    if not knows_tools(template):
        return "hermes"
    if '"parameters": dictionary' in template:
        return "llama_json"
    if "[func_name1(" in template:
        return "llama_pythonic"
    return next((family for prefix, family in _TYPES if kind.startswith(prefix)), None)


def _variant(family: str, template: str) -> str:
    match family:
        case "deepseek" if "```json" not in template:
            return "deepseek_v31"
        case "deepseek_v32" if re.search(r"｜DSML｜tool_calls|dsml_token\s*\}\}tool_calls", template):
            return "deepseek_v4"
        case "mistral_list" if "<tool_call>" in template:
            return "hermes"
        case "glm" if "<tool_sep" in template:
            return "hunyuan_v3"
        case "glm" if re.search(r"<tool_call>\{[\w-]+\}<arg_key>", template):
            return "glm_47"
        case "hunyuan" if "minimax" in template.lower():
            return "minimax_m1"
        case "hunyuan" if "<thinking>" in template or "<available_tools>" in template:
            return "apriel"
        case "lfm" if "force json schema" in template.lower():
            return "lfm_json"
    return family
