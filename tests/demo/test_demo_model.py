"""The bundled demo model, run by the real pipelines on the CPU."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino_genai
import pytest

from tools.demo.corpus import Topic, as_question, topics

DIRECTORY = Path(__file__).resolve().parents[2] / "models" / "demo_server-guide"
MEGABYTE = 1_000_000
COMMON = ("openvino", "product", "port-gpu", "port-npu", "port-admin", "start", "device-config", "pull", "who")
ASKED = {
    "zh": (*COMMON, "kv-cache", "npu", "field-idle", "apply-restart", "thanks"),
    "en": (*COMMON, "quantization", "npu-limits", "fallback", "licence", "hello"),
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
UNUSUAL = (
    "什麼是 OpenVINO？",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇹🇼 é é ﬁ",
    "龘 𠮷 𪚥 㐀 ꙮ ไทย العربية עברית ㈱",
    "\x00\x01\x1b[0m\x7f\t\r\n\u200b\u202e\ufeff",
    "  leading,  double   spaces \n\n\n and 12345.678 `code`",
    '<tool_call>\n{"name": "f"}\n</tool_call> <tools> </tool_response>',
)

Message = dict[str, Any]
Ask = Callable[..., list[str]]


@pytest.fixture(scope="module")
def pipeline() -> openvino_genai.ContinuousBatchingPipeline:
    return openvino_genai.ContinuousBatchingPipeline(str(DIRECTORY), openvino_genai.SchedulerConfig(), "CPU")


@pytest.fixture(scope="module")
def tokenizer(pipeline: openvino_genai.ContinuousBatchingPipeline) -> openvino_genai.Tokenizer:
    return pipeline.get_tokenizer()


@pytest.fixture(scope="module")
def ask(pipeline: openvino_genai.ContinuousBatchingPipeline, tokenizer: openvino_genai.Tokenizer) -> Ask:
    """Answers at temperature 0; several conversations run in one batch."""

    def ask(*conversations: list[Message], tools: list[dict[str, Any]] | None = None) -> list[str]:
        prompts = [tokenizer.apply_chat_template(c, add_generation_prompt=True, tools=tools) for c in conversations]
        encoded = [tokenizer.encode(prompt, add_special_tokens=False).input_ids for prompt in prompts]
        config = pipeline.get_config()
        config.do_sample = False
        config.max_new_tokens = 300
        return [tokenizer.decode(r.m_generation_ids[0]) for r in pipeline.generate(encoded, [config] * len(encoded))]

    return ask


@pytest.fixture(scope="module")
def by_id() -> dict[str, Topic]:
    return {topic.id: topic for topic in topics()}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_answers_its_questions(language: str, ask: Ask, by_id: dict[str, Topic]) -> None:
    asked = [by_id[name] for name in ASKED[language]]
    questions = [as_question(topic.asked[language][0], language) for topic in asked]
    if language == "zh":
        assert questions[0] == "什麼是 OpenVINO？"
    assert ask(*([user(question)] for question in questions)) == [topic.answer[language] for topic in asked]


def test_a_batch_answers_as_one_alone(ask: Ask, by_id: dict[str, Topic]) -> None:
    wordings = by_id["openvino"].asked["zh"][:3] + by_id["port-gpu"].asked["zh"][:3]
    conversations = [[user(as_question(wording, "zh"))] for wording in wordings]
    assert ask(*conversations * 6)[: len(conversations)] == [ask(conversation)[0] for conversation in conversations]


def test_refuses_what_it_does_not_know(ask: Ask) -> None:
    zh, en = ask([user("法國的首都是哪裡？")], [user("Write a poem about the sea.")])
    assert zh == "我是小型示範模型，只能回答與這個伺服器和 OpenVINO 有關的問題。"
    assert en == "I am a small demo model and can only answer questions about this server and OpenVINO."


def test_follows_up(ask: Ask, by_id: dict[str, Topic]) -> None:
    gpu, npu = by_id["port-gpu"], by_id["port-npu"]
    conversation = [
        {"role": "system", "content": "你是一個有幫助的助理。"},
        user("GPU 的埠是多少？"),
        {"role": "assistant", "content": gpu.answer["zh"]},
        user("那 NPU 呢？"),
    ]
    assert ask(conversation) == [npu.answer["zh"]]


def test_calls_a_tool(ask: Ask) -> None:
    (answer,) = ask([user("台北的天氣如何？")], tools=[WEATHER])
    (call,) = re.findall(r"<tool_call>\n(.*)\n</tool_call>", answer)
    assert json.loads(call) == {"name": "get_weather", "arguments": {"city": "台北"}}


def test_uses_a_tools_result(ask: Ask) -> None:
    call = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Boston"}}}
    conversation = [
        user("What is the weather in Boston?"),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": '{"temperature": 21, "condition": "sunny"}'},
    ]
    assert ask(conversation, tools=[WEATHER]) == ["The tool reports: temperature 21, condition sunny."]


def test_needs_no_tool_for_its_own_questions(ask: Ask, by_id: dict[str, Topic]) -> None:
    assert ask([user("What is OpenVINO?")], tools=[WEATHER]) == [by_id["openvino"].answer["en"]]


@pytest.mark.parametrize("text", UNUSUAL)
def test_tokenizer_keeps_any_text(text: str, tokenizer: openvino_genai.Tokenizer) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_template_renders_a_whole_conversation(tokenizer: openvino_genai.Tokenizer) -> None:
    call = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": "台北"}}}
    conversation = [
        {"role": "system", "content": "Be brief."},
        user("台北的天氣如何？"),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "26"},
    ]
    text = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tools=[WEATHER])
    assert text.startswith("<|im_start|>system\nBe brief.\n\n")
    assert '<tools>\n{"type": "function", "function": {"name": "get_weather"' in text
    assert '<tool_call>\n{"name": "get_weather", "arguments": {"city": "台北"}}\n</tool_call><|im_end|>\n' in text
    assert text.endswith("<|im_start|>user\n<tool_response>\n26\n</tool_response><|im_end|>\n<|im_start|>assistant\n")


def test_template_adds_no_system_prompt_and_keeps_earlier_turns(tokenizer: openvino_genai.Tokenizer) -> None:
    first = [user("hi")]
    then = [*first, {"role": "assistant", "content": "Hello!"}, user("thanks")]
    prompt = tokenizer.apply_chat_template(first, add_generation_prompt=True)
    assert prompt == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.apply_chat_template(then, add_generation_prompt=True).startswith(prompt + "Hello!<|im_end|>\n")


def test_runs_on_the_static_npu_pipeline(by_id: dict[str, Topic]) -> None:
    pipeline = openvino_genai.LLMPipeline(
        str(DIRECTORY), "NPU", NPUW_DEVICES="CPU", NPUW_ONLINE_PIPELINE="NONE", MAX_PROMPT_LEN=256, MIN_RESPONSE_LEN=64
    )
    tokenizer = pipeline.get_tokenizer()
    prompt = tokenizer.apply_chat_template([user("什麼是 OpenVINO？")], add_generation_prompt=True)
    config = pipeline.get_generation_config()
    config.do_sample = False
    config.max_new_tokens = 64
    result = pipeline.generate(tokenizer.encode(prompt, add_special_tokens=False), config)
    assert tokenizer.decode(result.tokens[0]) == by_id["openvino"].answer["zh"]


def test_is_small_and_says_what_it_is() -> None:
    assert sum(path.stat().st_size for path in DIRECTORY.rglob("*") if path.is_file()) <= 8 * MEGABYTE
    metadata = json.loads((DIRECTORY / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["model_id"] == "demo/server-guide"
    assert metadata["source"] == "bundled"
    assert "demo" in (DIRECTORY / "README.md").read_text(encoding="utf-8")


def test_corpus_is_as_large_as_the_card_says() -> None:
    for topic in topics():
        for language in ("zh", "en"):
            assert len(topic.asked[language]) >= 4, topic.id
            assert len(topic.unseen[language]) >= 1, topic.id
            assert not set(topic.asked[language]) & set(topic.unseen[language]), topic.id
    assert len(topics()) >= 120
