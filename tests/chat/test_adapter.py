"""How a model's files decide what is shown, what is thought and what is a call."""

import json
import shutil
from pathlib import Path

import pytest

from chat.adapter import ChatAdapter, make_adapter, offered_tools
from chat.conversation import Conversation, GenerationOptions, Message
from chat.grammars.forms import ChoiceForm
from chat.reasoning import find_reasoning, strip_reasoning, thinking_options
from chat.tokenizer import ChatTokenizer
from chat.tool_formats.lookup import CALL_FORMATS
from instances.protocol import Grammar
from tests.chat.conftest import CHAT_MODEL
from web.errors import InvalidRequest

ASK = Conversation((Message("user", "Hi"),))


def model(directory: Path, *, template: str | None = None, special: tuple[str, ...] = ()) -> ChatTokenizer:
    """The test model with another template, and `special` as special tokens of its own."""
    shutil.copytree(CHAT_MODEL, directory, dirs_exist_ok=True)
    if template is not None:
        (directory / "chat_template.jinja").write_text(template, encoding="utf-8")
    file = directory / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    taken = max(content["model"]["vocab"].values(), default=0)
    first = max(taken, *(entry["id"] for entry in content["added_tokens"])) + 1
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    content["added_tokens"] += [{"id": first + n, "content": text, **flags} for n, text in enumerate(special)]
    file.write_text(json.dumps(content), encoding="utf-8")
    return ChatTokenizer(directory)


def ids(tokenizer: ChatTokenizer, *parts: str) -> list[int]:
    """Each part a special token or plain text."""
    marks = {text: token for token, text in tokenizer._special.items()}
    return [token for part in parts for token in ([marks[part]] if part in marks else tokenizer.encode(part))]


def adapter_of(tokenizer: ChatTokenizer, call_format: str) -> ChatAdapter:
    return make_adapter(tokenizer, thinks=True, dialect_name=call_format)


def test_marks_that_are_special_tokens_reach_the_parser_and_no_others(tmp_path: Path) -> None:
    tokenizer = model(tmp_path / "模型", special=("[TOOL_CALLS]", "[ARGS]", "<|unused|>"))
    answer = ids(tokenizer, "[TOOL_CALLS]", "now", "[ARGS]", "{}", "<|unused|>", "<|im_end|>")
    assert adapter_of(tokenizer, "mistral").decoder()(answer) == "[TOOL_CALLS]now[ARGS]{}"
    assert adapter_of(tokenizer, "hermes").decoder()(answer) == "now{}"
    assert tokenizer.decode(answer) == "now{}"


def test_a_directory_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        ChatTokenizer(tmp_path)


def test_the_assignment_overrides_the_dialect(caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = ChatTokenizer(CHAT_MODEL)
    assert make_adapter(tokenizer, thinks=False).call_format is CALL_FORMATS["hermes"]
    assert make_adapter(tokenizer, thinks=False, dialect_name="granite").call_format is CALL_FORMATS["granite"]
    assert make_adapter(tokenizer, thinks=False, dialect_name="klingon").call_format is CALL_FORMATS["hermes"]
    assert "klingon" in caplog.text


def test_the_prompt_tells_whether_it_opened_or_closed_the_thoughts() -> None:
    adapter = adapter_of(ChatTokenizer(CHAT_MODEL), "hermes")
    off = Conversation(ASK.messages, template_options={"enable_thinking": False})
    assert adapter.reasoning_prefix("…<think>\n", ASK).opened
    assert adapter.reasoning_prefix("…", ASK).possible
    assert not adapter.reasoning_prefix("…", off).possible
    assert not adapter.reasoning_prefix("…<think>\n\n</think>\n\n", ASK).expected


HEADERS = {
    "thinks always": ("{{ messages[0].content }}<a><think>\\n", "<think>\n\n</think>\n\nThe answer is"),
    "thinks when told": (
        "{{ messages[0].content }}<a>{% if enable_thinking is false %}<think>\\n\\n</think>\\n\\n{% endif %}",
        "<think>\n\n</think>\n\nThe answer is",
    ),
    "gpt-oss": (
        "{# <|channel|> #}{{ messages[0].content }}<|start|>assistant",
        "<|start|>assistant<|channel|>final<|message|>The answer is",
    ),
    "Muse": (
        "{{ tools }}{# <atem:function_calls> assistant to=self #}{{ messages[0].content }}<|start|>assistant",
        "<|start|>assistant to=user<|message|>The answer is",
    ),
    "Solar": (
        "{# <|think|> #}{{ messages[0].content }}<|begin|>assistant",
        "<|begin|>assistant<|content|>The answer is",
    ),
    "Command R7B": (
        "{# <|START_THINKING|> #}{{ messages[0].content }}<|CHATBOT_TOKEN|>",
        "<|CHATBOT_TOKEN|><|START_RESPONSE|>The answer is",
    ),
    "Apriel": (
        "{{ tools }}{{ messages[0].content }}<|begin_assistant|>\\nHere are my reasoning steps:\\n"
        "{# [BEGIN FINAL RESPONSE] #}",
        "Here are my reasoning steps:\n[BEGIN FINAL RESPONSE]\n\nThe answer is",
    ),
    "Functionary": ("{{ tools }}{# >>>all #}{{ messages[0].content }}<|end|>>>>", "<|end|>>>>all\nThe answer is"),
    "plain": ("{{ messages[0].content }}<a>", "<a>The answer is"),
}


@pytest.mark.parametrize("family", HEADERS)
def test_the_beginning_of_an_answer_stands_where_answers_stand(family: str) -> None:
    template, end = HEADERS[family]
    tokenizer = ChatTokenizer(CHAT_MODEL).with_template(template.replace("\\n", "\n"))
    adapter = make_adapter(tokenizer, thinks=True)
    begun = Conversation(
        (*ASK.messages, Message("assistant", "The answer is")),
        template_options={"enable_thinking": False},
        continued=True,
    )
    prompt = adapter.prompt(begun)
    assert prompt.endswith(f"Hi{end}" if not end.startswith(("Here", "<think>")) else end)
    reasoning_prefix = adapter.reasoning_prefix(prompt, begun)
    assert not reasoning_prefix.expected
    deltas = [*(parser := adapter.parser(reasoning_prefix, {}, eager=False)).push(" 42."), *parser.finish()]
    assert "".join(delta.text for delta in deltas).strip() == "42."
    form = adapter.structure(begun, {}, GenerationOptions(form=ChoiceForm(("x",))), reasoning_prefix)
    assert isinstance(form, Grammar)
    assert form.ebnf.split("\n")[0].split() == ["root", "::=", '"x"']


def test_a_family_that_nobody_knows_is_told(caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = ChatTokenizer(CHAT_MODEL).with_template("{{ tools }}{{ messages }}")
    assert make_adapter(tokenizer, thinks=False).call_format is CALL_FORMATS["hermes"]  # config.json tells
    tokenizer.__dict__["config"] = {"model_type": "surprise"}
    adapter = make_adapter(tokenizer, thinks=False)
    assert adapter.call_format is CALL_FORMATS["unknown"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "test_chat" in caplog.text
    reasoning_prefix = adapter.reasoning_prefix("", ASK)
    assert adapter.structure(ASK, {"now": {}}, GenerationOptions(), reasoning_prefix) is None
    demanded = Conversation(ASK.messages, must_call=True)
    assert isinstance(adapter.structure(demanded, {"now": {}}, GenerationOptions(), reasoning_prefix), Grammar)


def test_tools_of_a_dialect_without_a_mark_leave_the_text_free() -> None:
    tokenizer = ChatTokenizer(CHAT_MODEL)
    tools = {"now": {}}
    options = GenerationOptions()
    reasoning_prefix = adapter_of(tokenizer, "hermes").reasoning_prefix("", ASK)
    assert adapter_of(tokenizer, "llama_pythonic").structure(ASK, tools, options, reasoning_prefix) is None
    structure = adapter_of(tokenizer, "hermes").structure(ASK, tools, options, reasoning_prefix)
    assert isinstance(structure, Grammar)
    assert structure.resumable


def test_tools_need_names() -> None:
    assert offered_tools([{"type": "function", "function": {"name": "f"}}, {"name": "g", "parameters": {"a": 1}}]) == {
        "f": {},
        "g": {"a": 1},
    }
    with pytest.raises(InvalidRequest):
        offered_tools([{"type": "function", "function": {}}])


@pytest.mark.parametrize(
    ("template", "call_format", "opening"),
    [
        ("{{ '<think>' }}", "hermes", "<think>"),
        ("[THINK]…[/THINK]", "mistral", "[THINK]"),
        ("Here is my thought process: … Here is my response:", "granite", "Here is my thought process:"),
        ("", "harmony", "<|channel|>analysis<|message|>"),
        ("<|channel>thought\n", "gemma", "<|channel>thought\n"),
        ("", "hermes", "<think>"),
    ],
)
def test_reasoning_tags_by_family(template: str, call_format: str, opening: str) -> None:
    assert find_reasoning(template, CALL_FORMATS[call_format]).tag.open == opening


def test_thoughts_are_cut_out_of_earlier_answers() -> None:
    tag = find_reasoning("", CALL_FORMATS["hermes"]).tag
    assert strip_reasoning("<think>\na\n</think>\n\nb", tag) == ("a", "b")
    assert strip_reasoning("a\n</think>\nb", tag) == ("a", "b")
    assert strip_reasoning("<think>a", tag) == ("a", "")
    assert strip_reasoning("b", tag) == ("", "b")


def test_efforts_become_template_variables() -> None:
    assert thinking_options() == {}
    assert thinking_options(effort="none") == {"enable_thinking": False, "thinking": False}
    assert thinking_options(effort="minimal")["reasoning_effort"] == "low"
    assert thinking_options(enabled=True, effort="high") == {
        "enable_thinking": True,
        "thinking": True,
        "reasoning_effort": "high",
    }
