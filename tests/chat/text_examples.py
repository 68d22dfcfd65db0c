"""What model families write that put the arguments of calls between tags, in Python, or in marks of their own."""

from tests.chat.example import NOW, OSLO, PARIS, Example

TEXT_EXAMPLES = [
    # Qwen3-Coder
    Example(
        "qwen_coder",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
        [PARIS],
    ),
    Example(
        "qwen_coder",
        "Sure.\n<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n3\n"
        "</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
        [OSLO, NOW],
        text="Sure.\n",
    ),
    Example("qwen_coder", "<function=now>\n</function>", [NOW]),
    Example(
        "qwen_coder",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\ntwo\n\nlines <b>3</b>\n</parameter>\n<parameter=detail>"
        '\n{"a": [1]}\n</parameter>\n</function>\n</tool_call>',
        [("get_weather", {"city": "two\n\nlines <b>3</b>", "detail": {"a": [1]}})],
    ),
    Example("qwen_coder", "<tool_call>\nnothing\n</tool_call>", text="<tool_call>\nnothing\n</tool_call>"),
    # Without its opening tag
    Example(
        "qwen_coder",
        "Sure.\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
        [PARIS],
        text="Sure.\n",
    ),
    # Values that look like tags
    Example(
        "qwen_coder",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\na </parameter> b </tool_call> c\n</parameter>\n"
        "</function>\n</tool_call>",
        [("get_weather", {"city": "a </parameter> b </tool_call> c"})],
    ),
    Example(
        "qwen_coder",
        '<tool_call>\n<function=get_weather>\n<parameter=units>\n"metric"\n</parameter>\n<parameter=city>\n03106\n'
        "</parameter>\n</function>\n</tool_call>",
        [("get_weather", {"units": "metric", "city": "03106"})],
    ),
    # Seed-OSS
    Example(
        "seed_oss",
        "<seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</parameter>\n</function>\n</seed:tool_call>",
        [PARIS],
    ),
    # Llama 3.2 and 4, pythonic
    Example("llama_pythonic", '[get_weather(city="Paris")]', [PARIS]),
    Example("llama_pythonic", "[get_weather(city='Oslo', days=3), now()]", [OSLO, NOW]),
    Example("llama_pythonic", '<|python_start|>[get_weather(city="Paris")]<|python_end|>', [PARIS]),
    Example("llama_pythonic", "[1, 2] and [get_x()]", text="[1, 2] and [get_x()]"),
    Example(
        "llama_pythonic",
        '[get_weather(city="x)]", detail={"a": [True, None, -1.5]})]',
        [("get_weather", {"city": "x)]", "detail": {"a": [True, None, -1.5]}})],
    ),
    Example("llama_pythonic", "[now(__import__('os'))]", text="[now(__import__('os'))]"),
    # GLM-4.5, then GLM-4.7 and Hunyuan 3
    Example(
        "glm",
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>3</arg_value>\n</tool_call>",
        [OSLO],
    ),
    Example("glm", "<think></think>\n<tool_call>now\n</tool_call>\n<tool_call>now</tool_call>", [NOW, NOW]),
    Example("glm_47", "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>", [PARIS]),
    Example(
        "hunyuan_v3",
        "<tool_calls:opensource>\n<tool_call:opensource>get_weather<tool_sep:opensource>\n<arg_key:opensource>city"
        "</arg_key:opensource>\n<arg_value:opensource>Paris</arg_value:opensource>\n</tool_call:opensource>\n"
        "</tool_calls:opensource>",
        [PARIS],
    ),
    # LFM2, when it is told to write JSON too, and cut off
    Example("lfm", '<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>Done.', [PARIS], text="Done."),
    Example("lfm", '<|tool_call_start|>[{"name": "now", "arguments": {}}]<|tool_call_end|>', [NOW]),
    Example("lfm", '<|tool_call_start|>[get_weather(city="Oslo", days=', cut=("get_weather", '{"city": "Oslo"')),
    # Gemma 4, then FunctionGemma
    Example("gemma", '<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>', [PARIS]),
    Example(
        "gemma",
        '<|tool_call>call:get_weather{city:<|"|>a, b}<|"|>,detail:{x:[1,true,<|"|>y<|"|>]}}<tool_call|>',
        [("get_weather", {"city": "a, b}", "detail": {"x": [1, True, "y"]}})],
    ),
    Example(
        "gemma",
        "<start_function_call>call:get_weather{city:<escape>Oslo<escape>,days:3}<end_function_call>",
        [OSLO],
    ),
    # Stray marks, and a call that is cut off
    Example("gemma", "Hello.<channel|>", text="Hello."),
    Example("gemma", "<|channel>Hello.", text="Hello."),
    Example("gemma", '<|tool_call>call:get_weather{city:<|"|>Oslo<|"|>,days:3', cut=("get_weather", '{"city": "Oslo"')),
    # MiniCPM5, MiniMax, DeepSeek V3.2 and V4, Muse
    Example("minicpm5", '<function name="get_weather"><param name="city">Paris</param></function>', [PARIS]),
    Example(
        "minicpm5",
        '<function name="get_weather"><param name="city"><![CDATA[a <b>\nc]]></param></function><function name="now">'
        "</function>",
        [("get_weather", {"city": "a <b>\nc"}), NOW],
    ),
    Example(
        "minimax",
        '<minimax:tool_call>\n<invoke name="get_weather"><parameter name="city">Oslo</parameter>\n'
        '<parameter name="days">3</parameter></invoke>\n</minimax:tool_call>',
        [OSLO],
    ),
    Example(
        "deepseek_v32",
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n'
        '<｜DSML｜parameter name="city" string="true">Oslo'
        '</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
        "</｜DSML｜function_calls>",
        [OSLO],
    ),
    Example(
        "deepseek_v4",
        '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="now">\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>',
        [NOW],
    ),
    Example(
        "muse",
        " to=get_weather<|message|><atem:function_calls>\n"
        '<atem:invoke name="get_weather">\n<atem:parameter name="city">'
        "Paris</atem:parameter>\n</atem:invoke>\n</atem:function_calls><|eom|><|start|>assistant to=now<|message|>"
        '<atem:function_calls>\n<atem:invoke name="now">\n</atem:invoke>\n</atem:function_calls>',
        [PARIS, NOW],
    ),
    Example("muse", " to=user<|message|>Hello.<|eot|>", text="Hello."),
    # Olmo 3
    Example("olmo3", '<function_calls>\nget_weather(city="Paris")\nnow()\n</function_calls>', [PARIS, NOW]),
]
