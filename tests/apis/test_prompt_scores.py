"""echo with logprobs: how likely a prompt's tokens are, held against a plain pass of OpenVINO."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import openai
import openvino as ov
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.prompt_scores import scored
from pools.prompt_scores import scoring_model
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, VISION, Script, serving
from tests.helpers import http
from tests.pools.fakes import served_model
from web.errors import InvalidRequest

Array = npt.NDArray[np.float64]


@cache
def _model(directory: str) -> ov.InferRequest:
    model = ov.Core().compile_model(f"{directory}/openvino_model.xml", "CPU")
    return model.create_infer_request()


def _reference(directory: str, ids: list[int]) -> Array:
    """The logarithm of each token's probability at each place, all in one pass."""
    run = _model(directory)
    run.reset_state()
    count = len(ids)
    run.infer(
        {
            "input_ids": np.array([ids]),
            "attention_mask": np.ones((1, count), np.int64),
            "position_ids": np.arange(count)[None],
            "beam_idx": np.zeros(1, np.int32),
        }
    )
    logits = run.get_tensor("logits").data[0].astype(np.float64)
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def _score(url: str, prompt: Any, **options: Any) -> list[dict[str, Any]]:
    body = {"model": CHAT, "prompt": prompt, "echo": True, "logprobs": 3, "max_tokens": 0, **options}
    answer = http.post(f"{url}/v1/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"]


def _check(logprobs: dict[str, Any], ids: list[int], reference: Array) -> None:
    values, tops = logprobs["token_logprobs"], logprobs["top_logprobs"]
    assert (values[0], tops[0]) == (None, None)
    for place, token in enumerate(ids[1:], start=1):
        expected = reference[place - 1]
        assert values[place] == pytest.approx(expected[token], abs=2e-3)
        assert max(tops[place].values()) == pytest.approx(expected.max(), abs=2e-3)
        assert (values[place] == max(tops[place].values())) == (expected.argmax() == token)


LONG = "The quick brown fox jumps over the lazy dog. " * 20


@pytest.mark.parametrize("text", ["ab", "Hello there", LONG, LONG + "!"])
def test_it_agrees_with_a_plain_pass_however_often_it_is_asked(
    server: str, encode: Callable[[str], list[int]], text: str
) -> None:
    ids, directory = encode(text), str(MODELS / "test_chat")
    reference = _reference(directory, ids)
    http.post(f"{server}/v1/completions", json={"model": CHAT, "prompt": text, "max_tokens": 3})  # caches its prefix
    for prompt in (text, ids, [text], [ids]):
        (choice,) = _score(server, prompt)
        assert (choice["text"], choice["finish_reason"]) == (text, "length")
        assert "".join(choice["logprobs"]["tokens"]) == text
        _check(choice["logprobs"], ids, reference)


@pytest.fixture(scope="session")
def encode() -> Callable[[str], list[int]]:
    return Script().encode


def test_what_is_generated_comes_after_it(server: str, encode: Callable[[str], list[int]]) -> None:
    ids = encode("Hello")
    choices = _score(server, ["Hello", "Hello you"], max_tokens=4, n=2, temperature=0, ignore_eos=True)
    assert [choice["index"] for choice in choices] == [0, 1, 2, 3]
    for choice in choices[:2]:
        logprobs = choice["logprobs"]
        assert len(logprobs["tokens"]) == len(logprobs["text_offset"]) == len(logprobs["token_logprobs"])
        assert len(logprobs["tokens"]) >= len(ids) + 1
        _check(
            {name: values[: len(ids)] for name, values in logprobs.items()},
            ids,
            _reference(str(MODELS / "test_chat"), ids),
        )
        assert choice["text"].startswith("Hello")


def test_a_stream_begins_with_it(server: str, encode: Callable[[str], list[int]]) -> None:
    body = {"model": CHAT, "prompt": "Hello", "echo": True, "logprobs": 1, "max_tokens": 0, "stream": True}
    lines = http.post(f"{server}/v1/completions", json=body).text.splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    first, last = (event["choices"][0] for event in (events[0], events[-1]))
    assert (first["text"], last["text"], last["finish_reason"]) == ("Hello", "", "length")
    _check(first["logprobs"], encode("Hello"), _reference(str(MODELS / "test_chat"), encode("Hello")))


def test_the_token_that_ends_an_answer_is_counted_too(server: str) -> None:
    """Clients that score a text leave out as many tokens at its end as they had asked for."""
    for prompt in ("Hello", "What is this?", "Good day"):
        for most in (1, 3):
            body = {"model": CHAT, "prompt": prompt, "echo": True, "logprobs": 1, "max_tokens": most, "temperature": 0}
            answer = http.post(f"{server}/v1/completions", json=body).json()
            listed = len(answer["choices"][0]["logprobs"]["tokens"])
            assert listed == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


def test_zero_names_no_other_tokens(server: str) -> None:
    (choice,) = _score(server, "Hello", logprobs=0)
    assert choice["logprobs"]["top_logprobs"] == [{}] * 5
    assert all(value < 0 for value in choice["logprobs"]["token_logprobs"][1:])


def test_nothing_but_the_prompt(scripted: str, script: Script) -> None:
    client = openai.OpenAI(base_url=f"{scripted}/v1", api_key="any", max_retries=0)
    for echo in (True, False):
        answer = client.completions.create(model=CHAT, prompt="Hi", max_tokens=0, echo=echo)
        assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("Hi" if echo else "", "length")
        assert answer.usage is not None
        assert answer.usage.completion_tokens == 0
    assert script.prompts == []


def test_the_instance_is_shown_and_goes_with_the_cleanup(server: str) -> None:
    _score(server, "Hello")
    shown = next(each for each in http.get(f"{server}/memory").json()["models"] if each["id"] == CHAT)
    before = len(shown["instances"])
    assert before >= 1
    http.post(f"{server}/model/cleanup", params={"model": CHAT})
    shown = next(each for each in http.get(f"{server}/memory").json()["models"] if each["id"] == CHAT)
    assert shown["instances"] == []
    assert _score(server, "Hello")


@pytest.mark.parametrize("kind", ["vision", "gguf"])
def test_where_it_cannot_be_had_it_is_refused(server: str, tmp_path: Any, kind: str) -> None:
    body = {"prompt": "Hello", "echo": True, "logprobs": 1, "max_tokens": 0}
    if kind == "vision":
        answer = http.post(f"{server}/v1/completions", json={"model": VISION, **body})
    else:
        model = ModelAssignment(id="test/gguf", path=str(MODELS / "test_gguf"))
        with serving(make_app(tmp_path, models=[model])) as url:
            answer = http.post(f"{url}/v1/completions", json={"model": model.id, **body})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "echo"


def test_an_npu_refuses_it() -> None:
    model = served_model("a")
    assert scoring_model(model).pipeline == "prompt_scores"
    with pytest.raises(InvalidRequest, match="on an NPU"):
        scoring_model(replace(model, device=ResolvedDevice("NPU", "NPU", "NPU")))


@given(
    logits=arrays.arrays(np.float32, (3, 7), elements=st.floats(-60, 60, width=32)),
    ids=st.lists(st.integers(0, 6), min_size=3, max_size=3),
    top=st.integers(0, 7),
)
def test_scores_are_the_softmax(logits: npt.NDArray[np.float32], ids: list[int], top: int) -> None:
    rows = scored(logits, ids, top)
    exact = logits.astype(np.float64)
    exact -= np.logaddexp.reduce(exact, axis=1, keepdims=True)
    assert rows.shape == (3, 1 + 2 * top)
    np.testing.assert_allclose(rows[:, 0], exact[np.arange(3), ids], atol=1e-4)
    np.testing.assert_allclose(rows[:, 2::2], -np.sort(-exact, axis=1)[:, :top], atol=1e-4)
    for row, each in zip(rows, exact, strict=True):
        named = row[1::2].astype(int)
        assert len(set(named)) == top
        np.testing.assert_allclose(each[named], row[2::2], atol=1e-4)
