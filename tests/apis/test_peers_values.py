"""Values and paths that clients know from other servers: whole floats, -1 for all, structured_outputs, reranking."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from apis.numbers import Whole
from model_files.model_config import read_chat_template, sampling_defaults
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, RERANKER, VISION, Script
from tests.helpers import http

HUGE = 10**40
TEXT = {"messages": [{"role": "user", "content": "hi"}]}
_BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": TEXT,
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {**TEXT, "max_tokens": 9},
    "/api/chat": {**TEXT, "stream": False},
    "/api/generate": {"prompt": "hi", "stream": False},
}


@given(value=st.integers() | st.floats() | st.booleans() | st.text(max_size=3))
def test_a_whole_number_is_one_however_it_is_written(value: Any) -> None:
    whole = not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    )
    adapter = TypeAdapter[int](Whole)
    if whole:
        read = adapter.validate_python(value, strict=True)
        assert read == value
        assert isinstance(read, int)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(value, strict=True)


def _integer_fields(tmp_path: Path) -> dict[str, list[str]]:
    """The whole numbers that each of the requests above takes, by the OpenAPI document."""
    document = make_app(tmp_path).openapi()

    def is_integer(schema: dict[str, Any]) -> bool:
        return schema.get("type") == "integer" or any(map(is_integer, schema.get("anyOf", [])))

    fields: dict[str, list[str]] = {}
    for path in _BODIES:
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        fields[path] = [name for name, schema in body["properties"].items() if is_integer(schema)]
    return fields


def test_every_field_takes_a_whole_float(scripted: str, tmp_path: Path) -> None:
    fields = _integer_fields(tmp_path)
    assert {"seed", "max_tokens", "top_k", "n"} <= set(fields["/v1/chat/completions"])
    for path, names in fields.items():
        for name in names:
            body = {"model": CHAT, **_BODIES[path], name: 2.0}
            body |= {"logprobs": True} if name == "top_logprobs" and path == "/v1/chat/completions" else {}
            body |= {"n": 2} if name == "best_of" else {}
            answer = http.post(scripted + path, json=body)
            assert answer.status_code == 200, (path, name, answer.text)
            assert http.post(scripted + path, json={**body, name: 2.5}).status_code == 400
    for name in ("seed", "num_predict", "top_k"):
        body = {"model": CHAT, **_BODIES["/api/chat"], "options": {name: 2.0}}
        assert http.post(f"{scripted}/api/chat", json=body).status_code == 200


@pytest.mark.parametrize("path", _BODIES)
@pytest.mark.parametrize("seed", [2**63, -(2**70), HUGE, 1e25])
def test_seeds_of_any_size_come_through(scripted: str, script: Script, path: str, seed: float) -> None:
    options = {"options": {"seed": seed}} if path.startswith("/api/") else {"seed": seed}
    answer = http.post(scripted + path, json={"model": CHAT, **_BODIES[path], **options})
    assert answer.status_code == 200, answer.text
    assert 0 <= (script.sampling[-1].seed or 0) < 2**63


@pytest.mark.parametrize("path", _BODIES)
@pytest.mark.parametrize("top_k", [-1, 0])
def test_all_tokens(scripted: str, server: str, script: Script, path: str, top_k: int) -> None:
    if path == "/v1/responses":
        return  # has no top_k
    options = {"options": {"top_k": top_k}} if path.startswith("/api/") else {"top_k": top_k}
    body = {"model": CHAT, **_BODIES[path], **options}
    assert http.post(scripted + path, json=body).status_code == 200
    assert script.sampling[-1].top_k == 0
    short = (
        {"options": {"top_k": top_k, "num_predict": 3}} if "options" in body else {"max_tokens": 3, "temperature": 1}
    )
    real = {**body, **short}
    assert http.post(server + path, json=real).status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/api/chat"])
def test_as_many_tokens_as_there_is_room_for(scripted: str, script: Script, path: str) -> None:
    script.answer = "x" * 100
    limit = {"options": {"num_predict": -1}} if path == "/api/chat" else {"max_tokens": -1}
    answer = http.post(scripted + path, json={"model": CHAT, **_BODIES[path], **limit})
    assert answer.status_code == 200
    assert script.sampling[-1].max_tokens == 2048 - len(script.prompts[-1])
    if path.startswith("/v1"):
        assert answer.json()["usage"]["completion_tokens"] == 100
        for refused in (-2, 0) if "chat" in path else (-2,):
            body = {"model": CHAT, **_BODIES[path], "max_tokens": refused}
            assert http.post(scripted + path, json=body).status_code == 400


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"json": {"enum": ["a", "b"]}}, {"guided_json": {"enum": ["a", "b"]}}),
        ({"json": '{"enum": ["a", "b"]}'}, {"guided_json": {"enum": ["a", "b"]}}),
        ({"regex": "[ab]{3}"}, {"guided_regex": "[ab]{3}"}),
        ({"choice": ["one", "two"]}, {"guided_choice": ["one", "two"]}),
        ({"grammar": 'root ::= "x"'}, {"guided_grammar": 'root ::= "x"'}),
        ({"json_object": True}, {"response_format": {"type": "json_object"}}),
        (
            {"structural_tag": json.dumps({"type": "const_string", "value": "x"})},
            {"response_format": {"type": "structural_tag", "format": {"type": "const_string", "value": "x"}}},
        ),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_structured_outputs_are_the_guided_fields(
    scripted: str, script: Script, path: str, newer: dict[str, Any], older: dict[str, Any]
) -> None:
    for form in ({"structured_outputs": newer}, older):
        answer = http.post(scripted + path, json={"model": CHAT, **_BODIES[path], **form})
        assert answer.status_code == 200, answer.text
    first, second = script.sampling[-2:]
    assert first.structure == second.structure
    assert first.structure is not None
    both = {"model": CHAT, **_BODIES[path], "structured_outputs": newer, **older}
    assert http.post(scripted + path, json=both).status_code == 400


def test_a_stream_is_the_place_for_its_options(scripted: str) -> None:
    for path in ("/v1/chat/completions", "/v1/completions"):
        body = {"model": CHAT, **_BODIES[path], "stream_options": {"include_usage": True}}
        for stream in (False, None):
            answer = http.post(scripted + path, json={**body, "stream": stream})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream_options")
        assert http.post(scripted + path, json={**body, "stream": True}).status_code == 200
        assert http.post(scripted + path, json={**body, "stream_options": None}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank", "/v1/reranking", "/reranking"])
def test_a_reranker_answers_under_every_name(server: str, path: str) -> None:
    body = {"model": RERANKER, "query": "weather", "documents": ["a cat", "rain"], "top_n": 2.0}
    answer = http.post(server + path, json=body)
    assert answer.status_code == 200
    assert {result["index"] for result in answer.json()["results"]} == {0, 1}
    assert answer.json()["meta"]["api_version"] == {"version": "2"}


@pytest.mark.parametrize("stream", [False, True])
def test_loading_takes_some_time_even_when_it_was_done(scripted: str, server: str, stream: bool) -> None:
    for path in ("/api/chat", "/api/generate"):
        answer = http.post(scripted + path, json={"model": CHAT, **_BODIES[path], "stream": stream})
        assert json.loads(answer.text.splitlines()[-1])["load_duration"] > 0
    for _ in range(2):
        embedded = http.post(f"{server}/api/embed", json={"model": "test/embedding", "input": "x"}).json()
        assert embedded["load_duration"] > 0


def test_a_message_says_that_nothing_was_refused(scripted: str) -> None:
    answer = http.post(f"{scripted}/v1/chat/completions", json={"model": CHAT, **TEXT}).json()
    assert answer["choices"][0]["message"]["refusal"] is None


def test_a_vision_models_text_goes_on_from_its_context(server: str) -> None:
    options = {"num_predict": 4, "temperature": 0}
    first = {"model": VISION, "prompt": "Hello", "stream": False, "options": options}
    answer = http.post(f"{server}/api/generate", json=first).json()
    assert len(answer["context"]) == answer["prompt_eval_count"] + answer["eval_count"]
    second = http.post(f"{server}/api/generate", json={**first, "prompt": "Go on", "context": answer["context"]}).json()
    assert second["prompt_eval_count"] > answer["prompt_eval_count"]


_named = st.dictionaries(st.sampled_from(["default", "tool_use", "rag"]), st.text("ab{}% ", min_size=1), min_size=1)


@given(named=_named)
def test_of_several_templates_the_default_is_shown(
    tmp_path_factory: pytest.TempPathFactory, named: dict[str, str]
) -> None:
    directory = tmp_path_factory.mktemp("templates")
    entries = [{"name": name, "template": text} for name, text in named.items()]
    (directory / "tokenizer_config.json").write_text(json.dumps({"chat_template": entries}), encoding="utf-8")
    assert read_chat_template(directory, None).text == named.get("default", next(iter(named.values())))
    entries.append({"name": "tool_use", "template": "{{ tools }}<tool_call>"})
    (directory / "tokenizer_config.json").write_text(json.dumps({"chat_template": entries}), encoding="utf-8")
    assert read_chat_template(directory, None).tools


@pytest.mark.parametrize(
    ("file", "temperature", "top_p"),
    [
        ({"do_sample": True, "temperature": 0.6, "top_p": 0.95}, 0.6, 0.95),
        ({"do_sample": True}, 1.0, 1.0),
        ({"do_sample": False, "temperature": 0.6}, 0.0, 1.0),
        ({}, 0.0, 1.0),
        ({"do_sample": True, "temperature": "hot", "top_p": None}, 1.0, 1.0),
    ],
)
def test_how_a_model_chooses_by_itself(tmp_path: Path, file: dict[str, Any], temperature: float, top_p: float) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps(file), encoding="utf-8")
    assert (sampling_defaults(tmp_path).temperature, sampling_defaults(tmp_path).top_p) == (temperature, top_p)
    (tmp_path / "generation_config.json").unlink()
    assert sampling_defaults(tmp_path).temperature == 0.0
