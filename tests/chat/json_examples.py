"""What model families write that put the arguments of calls in JSON, in the forms their documentation gives."""

from tests.chat.example import NOW, OSLO, PARIS, Example

_DS_BEGIN, _DS_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_DS_CALL, _DS_SEP, _DS_CALL_END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_HERMES_PARIS = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
_HERMES_OSLO = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}}\n</tool_call>'

JSON_EXAMPLES = [
    # Plain answers are left alone.
    Example("hermes", "Paris < Oslo, {ok} [1] <b>", text="Paris < Oslo, {ok} [1] <b>"),
    Example("hermes", "<think>\nHm.\n</think>\n\nYes.", text="Yes.", reasoning="Hm.\n"),
    Example("hermes", "Hm.\n</think>\n\nYes.", text="Yes.", reasoning="Hm.\n", opened=True),
    # Hermes 2 and 3, Qwen2.5, Qwen3
    Example("hermes", _HERMES_PARIS, [PARIS]),
    Example("hermes", f"{_HERMES_PARIS}\n{_HERMES_OSLO}", [PARIS, OSLO]),
    Example("hermes", f"I'll look.\n\n{_HERMES_PARIS}\n\nDone.", [PARIS], text="I'll look.\n\nDone."),
    Example("hermes", f"<think>\nWhere?\n</think>\n\n{_HERMES_PARIS}", [PARIS], reasoning="Where?\n"),
    Example("hermes", '<tool_call>{"name":"now","arguments":{}}</tool_call>', [NOW]),
    Example("hermes", '<tool_call>{"name": "now"}</tool_call>', [NOW]),
    Example(
        "hermes",
        '<tool_call>\n{"arguments": {"city": "a </tool_call> b \\" { é 北京"}, "name": "get_weather"}\n</tool_call>',
        [("get_weather", {"city": 'a </tool_call> b " { é 北京'})],
    ),
    Example(
        "hermes",
        '<tool_call>{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}</tool_call>',
        [PARIS],
    ),
    # A call that never ends counts when its JSON is whole, and is text when it is not.
    Example("hermes", '<tool_call>\n{"name": "now", "arguments": {}}', [NOW]),
    Example("hermes", '<tool_call>\n{"name": "now", "argu', text='<tool_call>\n{"name": "now", "argu'),
    Example("hermes", "<tool_call>never mind</tool_call>", text="<tool_call>never mind</tool_call>"),
    Example("hermes", "<tool_call>[1, 2]</tool_call> x", text="<tool_call>[1, 2]</tool_call> x"),
    # Thoughts that are never closed may hold the call; closed ones only speak of it.
    Example("hermes", f"<think>\nLet me.\n{_HERMES_PARIS}", [PARIS], reasoning="Let me.\n"),
    Example("hermes", f"<think>{_HERMES_PARIS}\nor <b>", [PARIS], reasoning="\nor <b>"),
    Example("hermes", f"Let me.\n{_HERMES_PARIS}", [PARIS], reasoning="Let me.\n", opened=True),
    Example("hermes", f"<think>Or {_HERMES_PARIS} ?</think>No.", text="No.", reasoning=f"Or {_HERMES_PARIS} ?"),
    Example("hermes", "<think>a <tool_call> b</think>c", text="c", reasoning="a <tool_call> b"),
    # Cut off: what is complete of the arguments, and no mark is ever text.
    Example(
        "hermes",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Par',
        cut=("get_weather", '{"city": "Par'),
    ),
    # Llama 3.1 and 3.2, JSON
    Example("llama_json", '{"name": "get_weather", "parameters": {"city": "Paris"}}', [PARIS]),
    Example("llama_json", '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}', [PARIS]),
    Example(
        "llama_json",
        '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}; '
        '{"name": "now", "parameters": {}}',
        [PARIS, NOW],
    ),
    Example("llama_json", '{"name": "Ada", "age": 36}', text='{"name": "Ada", "age": 36}'),
    Example("llama_json", '{"name": "unknown", "parameters": {}}', text='{"name": "unknown", "parameters": {}}'),
    # Mistral 7B v0.3, Nemo; then Small 3.1 and 3.2, Devstral, Magistral
    Example("mistral_list", '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}}]', [PARIS]),
    Example(
        "mistral_list",
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}, "id": "VvvODy9mT"}, '
        '{"name": "now", "arguments": {}}]',
        [OSLO, NOW],
    ),
    Example("mistral", '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}', [PARIS]),
    Example(
        "mistral", 'Well.[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[ARGS]{}', [PARIS, NOW], "Well."
    ),
    Example("mistral", '[TOOL_CALLS]get_weather[CALL_ID]123456789[ARGS]{"city": "Paris"}', [PARIS]),
    Example("mistral", '[TOOL_CALLS]get_weather{"city": "Paris"}', [PARIS]),
    Example("mistral", '[TOOL_CALLS]get_weather[ARGS]{"city', cut=("get_weather", '{"city')),
    # Phi-4-mini
    Example("phi", '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|/tool_call|>', [PARIS]),
    Example(
        "phi",
        '<|tool_call|>[{"type": "function", "function": {"name": "now", "arguments": {}}}]<|/tool_call|>',
        [NOW],
    ),
    Example("phi", 'functools[{"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}}]', [OSLO]),
    Example("phi", 'functools<|tool_calls|>[{"name": "now", "arguments": {}}]<|/tool_calls|>', [NOW]),
    # DeepSeek V3 and R1, then V3.1
    Example(
        "deepseek",
        f'{_DS_BEGIN}{_DS_CALL}function{_DS_SEP}get_weather\n```json\n{{"city": "Paris"}}\n```{_DS_CALL_END}{_DS_END}',
        [PARIS],
    ),
    Example(
        "deepseek",
        f"Ok. {_DS_BEGIN}{_DS_CALL}function{_DS_SEP}now\n```json\n{{}}\n```{_DS_CALL_END}\n"
        f'{_DS_CALL}function{_DS_SEP}get_weather\n```json\n{{"city": "Oslo", "days": 3}}\n```{_DS_CALL_END}{_DS_END}',
        [NOW, OSLO],
        text="Ok. ",
    ),
    Example(
        "deepseek_v31",
        f'{_DS_BEGIN}{_DS_CALL}get_weather{_DS_SEP}{{"city": "Paris"}}{_DS_CALL_END}'
        f"{_DS_CALL}now{_DS_SEP}{{}}{_DS_CALL_END}{_DS_END}",
        [PARIS, NOW],
    ),
    # Granite 3, then 4, and the frame around its answer
    Example("granite", '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]', [PARIS]),
    Example("granite", '<tool_call>[{"name": "now", "arguments": {}}]</tool_call>', [NOW]),
    Example("granite", "<think>Hm.</think><response>Yes.</response>", text="Yes.", reasoning="Hm."),
    # gpt-oss
    Example("harmony", "<|channel|>final<|message|>Hello.<|return|>", text="Hello."),
    Example(
        "harmony",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
        text="Yes.",
        reasoning="Hm.",
    ),
    Example(
        "harmony",
        "<|channel|>analysis<|message|>Look.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather "
        '<|constrain|>json<|message|>{"city": "Paris"}<|call|>',
        [PARIS],
        reasoning="Look.",
    ),
    Example(
        "harmony",
        "<|channel|>commentary<|message|>I shall look.<|end|><|start|>assistant to=functions.get_weather<|channel|>"
        'commentary json<|message|>{"city":"Oslo","days":3}<|call|>',
        [OSLO],
        text="I shall look.",
    ),
    Example("harmony", "Plain.", text="Plain."),
    # What a header says before its channel, and whom it is for.
    Example("harmony", ' to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}', [PARIS]),
    Example("harmony", '<|channel|>analysis to=functions.get_weather<|message|>{"city": "Paris"}', [PARIS]),
    Example(
        "harmony",
        "<|channel|>commentary to=assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final"
        "<|message|>Yes.",
        text="Yes.",
        reasoning="Hm.",
    ),
    Example("harmony", "to be or not", text="to be or not"),
    Example(
        "harmony",
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Par',
        cut=("get_weather", '{"city": "Par'),
    ),
    # Kimi K2, Solar Open, Apertus, Command R and R7B
    Example(
        "kimi_k2",
        "Ok.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
        '{"city": "Paris"}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}'
        "<|tool_call_end|><|tool_calls_section_end|>",
        [PARIS, NOW],
        text="Ok.",
    ),
    Example(
        "solar",
        "<|content|>Let me see.<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>ab12<|tool_call:name|>"
        'get_weather<|tool_call:args|>{"city": "Paris"}<|tool_call:end|><|calls|>',
        [PARIS],
        text="Let me see.",
    ),
    Example("apertus", '<|tools_prefix|>[{"get_weather": {"city": "Paris"}}]<|tools_suffix|>', [PARIS]),
    Example("apertus", '<|tools_prefix|>[{"now": {}}, {"now": {}}]<|tools_suffix|>', [NOW, NOW]),
    Example("command_r", 'Action:\n```json\n[{"tool_name": "now", "parameters": {}}]\n```', [NOW]),
    Example(
        "command_r7b",
        '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}\n]'
        "<|END_ACTION|>",
        [PARIS],
    ),
    Example("command_r7b", "<|START_RESPONSE|>Hello.<|END_RESPONSE|>", text="Hello."),
    # Nemotron, Hunyuan, Apriel, MiniMax M1, GigaChat, Functionary, InternLM
    Example("nemotron", '<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>', [PARIS]),
    Example("hunyuan", '<tool_calls>\n[{"name": "now", "arguments": {}}]\n</tool_calls>', [NOW]),
    Example("hunyuan", "<answer>\nHello.</answer>", text="Hello."),
    Example(
        "apriel",
        '<tool_calls>[{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "call_1"}]</tool_calls>',
        [PARIS],
    ),
    Example("apriel", "Hello.\n[END FINAL RESPONSE]", text="Hello.\n"),
    Example(
        "minimax_m1",
        '<tool_calls>\n{"name": "now", "arguments": {}}\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n'
        "</tool_calls>",
        [NOW, PARIS],
    ),
    Example("gigachat", 'Ok.<|function_call|>{"name": "now", "arguments": {}}', [NOW], text="Ok."),
    Example(
        "gigachat3",
        'Ok.<|message_sep|>\n\nfunction call<|role_sep|>\n{"name": "get_weather", "arguments": {"city": "Paris"}}',
        [PARIS],
        text="Ok.",
    ),
    Example("functionary_v31", '<function=get_weather>{"city": "Paris"}</function>', [PARIS]),
    Example("functionary_v31", "<function=now>{}</function>\n<function=now>{}</function>", [NOW, NOW]),
    Example("functionary_v32", 'get_weather\n{"city": "Paris"}\n>>>now\n{}', [PARIS, NOW]),
    Example("functionary_v32", "all\nHello.", text="Hello."),
    Example(
        "internlm",
        'Ok.<|action_start|><|plugin|>\n{"name": "get_weather", "parameters": {"city": "Paris"}}<|action_end|>',
        [PARIS],
        text="Ok.",
    ),
]
