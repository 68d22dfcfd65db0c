"""What models of each family write when they call tools."""

from tests.chat.example import NOW, PARIS, Example
from tests.chat.json_examples import JSON_EXAMPLES
from tests.chat.text_examples import TEXT_EXAMPLES

# Of a family that is not known any form will do, of the offered tools.
_UNKNOWN_EXAMPLES = [
    Example("unknown", '<TOOLCALL>[{"name": "now", "arguments": {}}]</TOOLCALL>', [NOW]),
    Example("unknown", "<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>", [PARIS]),
    Example(
        "unknown",
        '<tool_call>{"name": "other", "arguments": {}}</tool_call>',
        text='<tool_call>{"name": "other", "arguments": {}}</tool_call>',
    ),
]
EXAMPLES = [*JSON_EXAMPLES, *TEXT_EXAMPLES, *_UNKNOWN_EXAMPLES]
