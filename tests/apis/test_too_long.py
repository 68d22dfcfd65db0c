"""What does not fit into a model's context is refused in the words by which each API's clients know it."""

import json
import re
import shutil
from dataclasses import replace
from typing import Any

import anthropic
import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from pools.instance_plan import plan_instance
from pools.prompt_limit import prompt_limit
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, EMBEDDING, MODELS, Script, serving
from tests.helpers import http
from tests.pools.fakes import served_model

OPENAI = (
    r"This model's maximum context length is (?P<most>\d+) tokens\. However, .* is too long: (?P<tokens>\d+) tokens\."
)
ANTHROPIC = r"prompt is too long: (?P<tokens>\d+) tokens > (?P<most>\d+) maximum"
OLLAMA = r"exceeds the context length: (?P<tokens>\d+) tokens, but (?P<most>\d+) are the most"

_SAYS: dict[str, Any] = {
    "/v1/chat/completions": lambda text: {"messages": [{"role": "user", "content": text}]},
    "/v1/completions": lambda text: {"prompt": text},
    "/v1/responses": lambda text: {"input": text},
    "/v1/messages": lambda text: {"messages": [{"role": "user", "content": text}], "max_tokens": 5},
    "/api/chat": lambda text: {"messages": [{"role": "user", "content": text}]},
    "/api/generate": lambda text: {"prompt": text},
}
_PARAMS = {"/v1/chat/completions": "messages", "/v1/completions": "prompt", "/v1/responses": "input"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("length", [2100, 100_000])
@pytest.mark.parametrize("path", _SAYS)
def test_every_api_says_it_in_its_words(server: str, path: str, length: int, stream: bool) -> None:
    answer = http.post(f"{server}{path}", json={"model": CHAT, "stream": stream, **_SAYS[path]("x " * length)})
    assert answer.status_code == 400
    said = answer.json()["error"]
    if path.startswith("/api/"):
        found = re.search(OLLAMA, said)
    elif path == "/v1/messages":
        assert said["type"] == "invalid_request_error"
        found = re.search(ANTHROPIC, said["message"])
    else:
        assert (said["code"], said["param"]) == ("context_length_exceeded", _PARAMS[path])
        found = re.search(OPENAI, said["message"])
    assert found is not None, said
    assert int(found["tokens"]) > int(found["most"]) == 2048
    assert "instance_memory_gb" not in answer.text


def test_the_limit_of_a_small_kv_cache_is_not_called_the_models(tmp_path: Any) -> None:
    directory = tmp_path / "made for more"
    shutil.copytree(MODELS / "test_chat", directory)
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    (directory / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 9000}), encoding="utf-8")
    model = ModelAssignment(id=CHAT, path=str(directory), instance_memory_gb=1e-7, max_concurrent=1)
    with serving(make_app(tmp_path, Script().instance_maker(), models=[model])) as url:
        body = {"model": CHAT, "messages": [{"role": "user", "content": "x " * 2100}]}
        said = http.post(f"{url}/v1/chat/completions", json=body).json()["error"]["message"]
    found = re.search(OPENAI, said)
    assert found is not None, said
    assert int(found["most"]) == 512
    assert "of the 9000 that the model was made for (instance_memory_gb)" in said


@given(tokens=st.integers(64, 100_000), cache=st.floats(0.0001, 1), npu=st.booleans(), most=st.integers(1, 9000))
def test_the_longest_prompt_leaves_room_for_an_answer(tokens: int, cache: float, npu: bool, most: int) -> None:
    model = served_model("a", instance_memory_gb=cache, max_prompt_len=most, max_concurrent=1)
    device = ResolvedDevice("NPU", "NPU", "NPU") if npu else model.device
    model = replace(model, device=device, facts=replace(model.facts, context_length=tokens))
    plan = plan_instance(model, 10**10)
    limit = prompt_limit(model, plan)
    error = limit.exceeded(limit.longest + 1, param="messages")
    assert limit.longest < model.context_tokens
    if npu:
        assert limit.context == limit.longest == most
        assert "max_prompt_len" in error.message
    else:
        assert limit.context == limit.longest + 1 == min(tokens, plan.kv_cache_tokens)
        assert ("instance_memory_gb" in error.message) == (plan.kv_cache_tokens < tokens)


LONG_TEXTS = ["short", "x" * 1000, "also short"]


def test_embeddings_refuse_what_would_be_cut(server: str) -> None:
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="any", max_retries=0)
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=EMBEDDING, input=LONG_TEXTS)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")
    found = re.search(OPENAI, refused.value.message)
    assert found is not None
    assert (found["most"], found["tokens"]) == ("256", "1002")
    assert len(client.embeddings.create(model=EMBEDDING, input=["x" * 200]).data) == 1


def test_ollama_cuts_unless_told_not_to(server: str) -> None:
    client = ollama.Client(host=server)
    assert len(client.embed(EMBEDDING, LONG_TEXTS).embeddings) == 3
    with pytest.raises(ollama.ResponseError, match=OLLAMA):
        client.embed(EMBEDDING, LONG_TEXTS, truncate=False)


def test_the_official_clients_raise_their_own_classes(server: str) -> None:
    text = "x " * 3000
    with pytest.raises(openai.BadRequestError, match=OPENAI):
        openai.OpenAI(base_url=f"{server}/v1", api_key="any").responses.create(model=CHAT, input=text)
    with pytest.raises(anthropic.BadRequestError, match=ANTHROPIC):
        anthropic.Anthropic(base_url=server, api_key="any").messages.create(
            model=CHAT, max_tokens=5, messages=[{"role": "user", "content": text}]
        )
    with pytest.raises(ollama.ResponseError, match=OLLAMA):
        ollama.Client(host=server).chat(CHAT, [{"role": "user", "content": text}])
