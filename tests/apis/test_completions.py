"""OpenAI's official client against /v1/completions."""

import openai
import pytest

from tests.apis.servers import CHAT, EMBEDDING, Script


@pytest.fixture
def client(scripted: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{scripted}/v1", api_key="any", max_retries=0)


def test_a_text_is_continued_as_it_stands(client: openai.OpenAI, script: Script) -> None:
    script.answer = " time"
    answer = client.completions.create(model=CHAT, prompt="Once upon a")
    assert (answer.object, answer.model) == ("text_completion", "gpu-test/chat")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (" time", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 5)
    assert script.prompt() == "Once upon a"


def test_sixteen_tokens_unless_more_are_asked_for(client: openai.OpenAI, script: Script) -> None:
    script.answer = "x" * 50
    answer = client.completions.create(model=CHAT, prompt="a")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("x" * 16, "length")


def test_prompts_in_a_list_and_several_choices_of_each(client: openai.OpenAI, script: Script) -> None:
    answer = client.completions.create(model=CHAT, prompt=["a", "bc"], n=2, seed=7, echo=True)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in answer.choices] == ["aHello.", "aHello.", "bcHello.", "bcHello."]
    assert sorted(sampling.seed or 0 for sampling in script.sampling) == [7, 7, 8, 8]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3


def test_prompts_as_token_ids(client: openai.OpenAI, script: Script) -> None:
    ids = [script.encode("ab"), script.encode("c")]
    client.completions.create(model=CHAT, prompt=ids[0])
    answer = client.completions.create(model=CHAT, prompt=ids, echo=True)
    assert script.prompts[0] == ids[0]
    assert [choice.text for choice in answer.choices] == ["abHello.", "cHello."]


def test_a_stream_keeps_the_choices_apart(client: openai.OpenAI, script: Script) -> None:
    chunks = list(
        client.completions.create(
            model=CHAT, prompt=["a", "b"], echo=True, stream=True, stream_options={"include_usage": True}
        )
    )
    texts = ["", ""]
    for chunk in chunks[:-1]:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == ["aHello.", "bHello."]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 12


def test_stop_strings_cut(client: openai.OpenAI, script: Script) -> None:
    script.answer = "one\ntwo"
    answer = client.completions.create(model=CHAT, prompt="a", stop="\n")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("one", "stop")


@pytest.mark.parametrize(("field", "value"), [("suffix", "x"), ("best_of", 3), ("logit_bias", {"1": 1})])
def test_what_cannot_be_done_is_refused(client: openai.OpenAI, field: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(model=CHAT, prompt="a", extra_body={field: value})
    assert refused.value.param == field


def test_logprobs_of_the_chosen_tokens(server: str) -> None:
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="any", max_retries=0)
    answer = client.completions.create(
        model=CHAT, prompt="ab", echo=True, logprobs=2, max_tokens=5, seed=1, extra_body={"guided_regex": "[a-z]{5}"}
    )
    choice = answer.choices[0]
    logprobs = choice.logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert "".join(logprobs.tokens) == choice.text
    assert logprobs.text_offset == [0, 1, 2, 3, 4, 5, 6]
    assert logprobs.token_logprobs is not None
    assert logprobs.token_logprobs[0] is None
    assert all(value <= 0 for value in logprobs.token_logprobs[1:])
    assert [list(each) for each in (logprobs.top_logprobs or [])[2:]] == [[token] for token in logprobs.tokens[2:]]
    streamed = client.completions.create(
        model=CHAT, prompt="ab", logprobs=0, max_tokens=5, seed=1, stream=True, extra_body={"guided_regex": "[a-z]{5}"}
    )
    parts = [part.choices[0].logprobs for part in streamed if part.choices[0].logprobs]
    assert [token for part in parts for token in part.tokens or []] == logprobs.tokens[2:]
    assert [offset for part in parts for offset in part.text_offset or []] == [0, 1, 2, 3, 4]


def test_an_embedding_model_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="embedding model"):
        client.completions.create(model=EMBEDDING, prompt="a")


def test_the_response_says_its_id_and_where_the_time_went(client: openai.OpenAI) -> None:
    raw = client.completions.with_raw_response.create(model=CHAT, prompt="a", extra_headers={"x-request-id": "mine"})
    assert raw.headers["x-request-id"] == "mine"
    assert "decode;dur=" in raw.headers["server-timing"]
