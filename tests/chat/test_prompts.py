"""Conversations rendered by templates of many manners, written in the manner of the families' own."""

import datetime
from typing import Any

import pytest

from chat.conversation import Conversation, Message, ToolCall
from chat.prompts import PromptWriter
from chat.sections import Tag
from chat.templates import ChatTemplate, TemplateRefused

THINK = Tag("<think>", "</think>")
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": ""}
CHATML = (
    "{%- if tools %}{{ '<|tools|>' + tools | tojson + '\n' }}{% endif %}"
    "{%- for message in messages %}<|{{ message.role }}|>{{ message.content }}"
    "{%- for call in message.tool_calls or [] %}"
    "[{{ call.function.name }} {{ call.function.arguments | tojson }}]{% endfor %}"
    "<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PLAIN = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"
STRICT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant') }}{% endif %}"
    "[{{ message.role }}]{{ message.content }}{% endfor %}"
)
DROPS_LATER_SYSTEM = (
    "{% if messages[0].role == 'system' %}S:{{ messages[0].content }}\n{% endif %}"
    "{% for message in messages if message.role != 'system' %}{{ message.role }}:{{ message.content }}\n{% endfor %}"
)
CONCATENATES = (
    "{% for message in messages %}{{ message.content }}{% for call in message.tool_calls or [] %}"
    "{{ call.function.name + '```json' + call.function.arguments }}{% endfor %}{% endfor %}{{ tools }}"
)
CALL = ToolCall("call_1", "get_weather", '{"city": "Orléans"}')
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


def write(source: str, *messages: Message, tools: tuple[dict[str, Any], ...] = (), **options: Any) -> str:
    template = ChatTemplate(source, SPECIAL)

    def render(mappings: list[dict[str, Any]], offered: list[dict[str, Any]] | None, variables: Any) -> str:
        return template.render(mappings, tools=offered, options=variables)

    return PromptWriter(render, source, THINK).write(Conversation(messages, tools, options))


def test_messages_tools_and_calls_reach_the_template() -> None:
    prompt = write(
        CHATML, Message("user", "Hi"), Message("assistant", "", (CALL,)), Message("tool", "18°"), tools=(TOOL,)
    )
    assert '<|tools|>[{"type": "function"' in prompt
    assert '[get_weather {"city": "Orléans"}]' in prompt
    assert prompt.endswith("<|tool|>18°<|end|>\n<|assistant|>")


def test_arguments_become_text_where_the_template_concatenates_them() -> None:
    prompt = write(CONCATENATES, Message("assistant", "x", (CALL,)))
    assert 'get_weather```json{"city": "Orléans"}' in prompt


def test_strict_templates_get_alternating_roles() -> None:
    prompt = write(
        STRICT,
        Message("system", "Be brief."),
        Message("system", "Be kind."),
        Message("user", "One."),
        Message("user", "Two."),
        Message("assistant", "Ok."),
        Message("user", "Three."),
    )
    assert prompt == "<s>[user]Be brief.\n\nBe kind.\n\nOne.\n\nTwo.[assistant]Ok.[user]Three."


def test_a_refusal_that_nothing_helps_is_told() -> None:
    with pytest.raises(TemplateRefused, match="never"):
        write("{{ raise_exception('never') }}", Message("user", "Hi"))


def test_system_messages_that_a_template_would_drop_come_first() -> None:
    prompt = write(DROPS_LATER_SYSTEM, Message("system", "A"), Message("user", "Hi"), Message("system", "B"))
    assert prompt.startswith("S:A\n\nB\n")


def test_templates_without_tools_get_them_as_text() -> None:
    prompt = write(
        PLAIN,
        Message("system", "Be brief."),
        Message("user", "Weather?"),
        Message("assistant", "", (CALL,)),
        Message("tool", "18°"),
        tools=(TOOL,),
    )
    assert prompt.startswith("system: Be brief.\n\nYou may call functions")
    assert '"name": "get_weather"' in prompt
    assert '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Orléans"}}\n</tool_call>' in prompt
    assert "user: <tool_response>\n18°\n</tool_response>" in prompt


def test_old_thoughts_are_left_out() -> None:
    prompt = write(PLAIN, Message("assistant", "<think>\nHm.\n</think>\n\nYes."), Message("assistant", "a</think>b"))
    assert prompt == "assistant: Yes.\nassistant: b\nassistant:"


def test_a_template_that_knows_thoughts_gets_them_apart() -> None:
    source = "{% for m in messages %}({{ m.reasoning_content }}){{ m.content }}{% endfor %}"
    inline = Message("assistant", "<think>Hm.</think>Yes.")
    sent_back = Message("assistant", "Yes.", reasoning="Hm.")
    assert write(source, inline) == write(source, sent_back) == "(Hm.)Yes."


def test_call_ids_are_what_mistral_takes() -> None:
    source = (
        "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id | length != 9 %}"
        "{{ raise_exception('ids of length 9') }}{% endif %}{{ c.id }}{% endfor %}{{ m.tool_call_id }}{% endfor %}"
    )
    prompt = write(source, Message("assistant", "", (CALL,)), Message("tool", "", tool_call_id="call_1"))
    assert prompt[:9] == prompt[9:18]


def test_variables_reach_the_template() -> None:
    assert write("{{ enable_thinking }}{{ eos_token }}", Message("user", "x"), enable_thinking=False) == "False</s>"


def test_what_hugging_face_offers_is_there() -> None:
    today = datetime.datetime(2026, 8, 21)
    source = (
        "{% generation %}{{ strftime_now('%d %b %Y') }}{% endgeneration %}"
        "{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"
        "{{ {'é': '<'} | tojson }}{{ [1] | tojson(indent=2) }}"
    )
    prompt = ChatTemplate(source, SPECIAL, today=lambda: today).render([], tools=None, options={})
    assert prompt == '21 Aug 202601{"é": "<"}[\n  1\n]'


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include 'x' %}",
        "{{ range(10 ** 9) | list }}",
    ],
)
def test_templates_are_kept_in_the_sandbox(source: str) -> None:
    with pytest.raises(TemplateRefused):
        ChatTemplate(source, SPECIAL).render([{"role": "user"}], tools=None, options={})


def test_broken_templates_are_told_apart() -> None:
    with pytest.raises(TemplateRefused):
        ChatTemplate("{% if %}", SPECIAL)
