"""The official client of OpenAI, unchanged, against both kinds of pipeline."""

import openai
import pytest
from openai import OpenAI

from tests.support.launch import DeviceProcess

QUESTION = "什麼是 OpenVINO？"


@pytest.fixture
def client(server: DeviceProcess) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="not needed", max_retries=0)


def test_a_stream_adds_up_to_the_whole_answer(client: OpenAI, server: DeviceProcess) -> None:
    ask = {"model": server.model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    whole = client.chat.completions.create(**ask)
    chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert "OpenVINO" in text
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.model_dump(exclude_none=True) == whole.usage.model_dump(exclude_none=True)
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


def test_a_conversation_of_several_turns_with_a_system_prompt(client: OpenAI, server: DeviceProcess) -> None:
    messages = [{"role": "system", "content": "You are a helpful assistant."}]
    for question in ("What is OpenVINO?", "Which port does the GPU use?"):
        messages.append({"role": "user", "content": question})
        answer = client.chat.completions.create(model=server.model, messages=messages, temperature=0)  # type: ignore[arg-type]
        text = answer.choices[0].message.content
        assert text
        messages.append({"role": "assistant", "content": text})
    assert "11435" in messages[-1]["content"]


def test_max_tokens_ends_with_length(client: OpenAI, server: DeviceProcess) -> None:
    answer = client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": QUESTION}], max_tokens=3
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_a_stop_string_is_cut_off(client: OpenAI, server: DeviceProcess) -> None:
    ask = {"model": server.model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    text = client.chat.completions.create(**ask).choices[0].message.content or ""
    stop = text[len(text) // 2 : len(text) // 2 + 2]
    answer = client.chat.completions.create(**ask, stop=stop)
    assert answer.choices[0].message.content == text[: text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    streamed = client.chat.completions.create(**ask, stop=[stop, "never"], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == text[: text.index(stop)]


def test_equal_seeds_give_equal_answers_and_none_gives_different_ones(client: OpenAI, server: DeviceProcess) -> None:
    def sample(seed: int | None) -> str | None:
        answer = client.chat.completions.create(
            model=server.model,
            messages=[{"role": "user", "content": "Tell me something."}],
            temperature=2,
            top_p=1,
            max_tokens=24,
            seed=seed,
        )
        return answer.choices[0].message.content

    assert sample(7) == sample(7)
    assert len({sample(None) for _ in range(4)}) > 1


def test_the_bare_id_is_understood_and_models_are_listed(client: OpenAI, server: DeviceProcess) -> None:
    listed = client.models.list().data
    assert [model.id for model in listed] == [server.model]
    assert client.models.retrieve(server.model).id == server.model
    bare = server.model.partition("-")[2]
    answer = client.chat.completions.create(model=bare, messages=[{"role": "user", "content": QUESTION}], max_tokens=2)
    assert answer.model == server.model


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"model": "nobody/nothing"}, openai.NotFoundError, "nobody/nothing"),
        ({"messages": "hello"}, openai.BadRequestError, "messages"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"temperature": "hot"}, openai.BadRequestError, "temperature"),
        ({"temperature": 9}, openai.BadRequestError, "temperature"),
        ({"max_tokens": 0}, openai.BadRequestError, "max_tokens"),
    ],
)
def test_a_bad_request_becomes_a_typed_error_with_our_words(
    client: OpenAI, server: DeviceProcess, change: dict, error: type[openai.APIStatusError], words: str
) -> None:
    ask = {"model": server.model, "messages": [{"role": "user", "content": QUESTION}], **change}
    with pytest.raises(error) as caught:
        client.chat.completions.create(**ask)
    body = caught.value.body
    assert isinstance(body, dict)
    assert words in body["message"]
    assert body["type"] == "invalid_request_error"


def test_another_devices_prefix_names_its_port(client: OpenAI, server: DeviceProcess) -> None:
    other = "npu" if server.name == "gpu" else "gpu"
    with pytest.raises(openai.NotFoundError, match=rf"'{other}-' models are (served )?on port 1"):
        client.chat.completions.create(
            model=f"{other}-demo/server-guide", messages=[{"role": "user", "content": QUESTION}]
        )
