"""The example requests of Ollama's and OpenAI's reference pages, one after the other, and what comes back."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import ollama
import pytest
import yaml
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.input_token_count_response import InputTokenCountResponse
from PIL import Image
from pydantic import TypeAdapter

from configuration.device_config import DEMO_MODEL_ID, ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import EMBEDDING, MODELS, VISION, serving
from tests.helpers import http

FOLDER = Path(__file__).parent / "reference"
PROJECT = FOLDER.parents[2]
Row = dict[str, Any]
_END = {
    "done": bool,
    "done_reason": str,
    "total_duration": int,
    "load_duration": int,
    "prompt_eval_count": int,
    "prompt_eval_duration": int,
    "eval_count": int,
    "eval_duration": int,
}


def rows(name: str) -> list[Any]:
    table: list[Row] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row["name"]) for row in table]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the demo model, an embedding model and a vision-language model whose answers end soon."""
    models = [
        ModelAssignment(id=DEMO_MODEL_ID, path=str(PROJECT / "models" / "demo_server-guide"), max_concurrent=4),
        ModelAssignment(id=EMBEDDING, path=str(MODELS / "test_embedding")),
        ModelAssignment(id=VISION, path=str(MODELS / "test_vision"), max_concurrent=1, instance_memory_gb=8e-5),
    ]
    with serving(make_app(tmp_path_factory.mktemp("reference"), models=models)) as address:
        yield address


@pytest.mark.parametrize("row", rows("ollama.yaml"))
def test_ollamas_examples(url: str, row: Row) -> None:
    _check(_sent(url, row, _picture()), row)


@pytest.mark.parametrize("row", rows("openai.yaml"))
def test_openais_examples(url: str, row: Row) -> None:
    _check(_sent(url, row, f"data:image/png;base64,{_picture()}"), row)


def _picture() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _sent(url: str, row: Row, picture: str) -> httpx.Response:
    method, path = row["call"].split(" ")
    names = {"CHAT": DEMO_MODEL_ID, "SEES": VISION, "EMBEDS": EMBEDDING, "IMAGE": picture}
    if row["name"] == "delete":  # each example must work alone
        http.post(f"{url}/api/copy", json={"source": DEMO_MODEL_ID, "destination": row["body"]["model"]})
    body = _replaced(row.get("body"), names)
    return httpx.request(method, url + path.replace("CHAT", DEMO_MODEL_ID), json=body, timeout=120)


def _replaced(value: Any, names: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: _replaced(item, names) for key, item in value.items()}
        case list():
            return [_replaced(item, names) for item in value]
        case str():
            return names.get(value, value)
    return value


def _check(response: httpx.Response, row: Row) -> None:
    if "answer" not in row:
        assert response.status_code == row.get("status", 400)
        error = response.json()["error"] if response.content else "not there"
        assert len(error if isinstance(error, str) else error["message"]) > 5
        return
    assert response.status_code == 200, response.text
    text = CHECKS[row["answer"]](response)
    if "json" in row:
        assert text is not None
        jsonschema.validate(json.loads(text), row["json"])


def _lines(response: httpx.Response) -> list[Row]:
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def _events(response: httpx.Response) -> list[Row]:
    assert response.headers["content-type"].startswith("text/event-stream")
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(each) for each in data if each != "[DONE]"]


def _has(answer: Row, fields: dict[str, type]) -> None:
    for name, kind in fields.items():
        assert type(answer[name]) is kind, name


def _generate(response: httpx.Response, *, context: bool = True) -> str:
    answer = response.json()
    _has(answer, {"model": str, "created_at": str, "response": str, **_END})
    assert ("context" in answer) == context
    ollama.GenerateResponse.model_validate(answer)
    return answer["response"]


def _generate_stream(response: httpx.Response) -> None:
    *parts, last = _lines(response)
    assert parts
    for part in parts:
        _has(part, {"model": str, "created_at": str, "response": str, "done": bool})
        assert part["done"] is False
    _has(last, {"response": str, "context": list, **_END})
    assert last["done"] is True


def _chat(response: httpx.Response) -> str:
    answer = response.json()
    _has(answer, {"model": str, "created_at": str, "message": dict, **_END})
    return ollama.ChatResponse.model_validate(answer).message.content or ""


def _chat_stream(response: httpx.Response) -> None:
    *parts, last = _lines(response)
    assert parts
    for part in parts:
        ollama.ChatResponse.model_validate(part)
        assert (part["message"]["role"], part["done"]) == ("assistant", False)
    _has(last, {"message": dict, **_END})


def _without_answer(field: str, reason: str) -> Callable[[httpx.Response], None]:
    def check(response: httpx.Response) -> None:
        answer = response.json()
        assert (answer["done"], answer["done_reason"]) == (True, reason)
        assert answer[field] in ("", {"role": "assistant", "content": ""})

    return check


def _status_stream(response: httpx.Response) -> None:
    assert [line["status"] for line in _lines(response)][-1] == "success"


def _tags(response: httpx.Response) -> None:
    for model in response.json()["models"]:
        _has(model, {"name": str, "model": str, "modified_at": str, "size": int, "digest": str, "details": dict})
        assert len(model["digest"]) == 64
        details = {"format": str, "family": str, "families": list, "parameter_size": str, "quantization_level": str}
        _has(model["details"], details)
    ollama.ListResponse.model_validate(response.json())


def _show(response: httpx.Response) -> None:
    answer = response.json()
    texts = {"modelfile": str, "parameters": str, "template": str}
    _has(answer, {**texts, "details": dict, "model_info": dict, "capabilities": list})
    ollama.ShowResponse.model_validate(answer)


def _nothing(response: httpx.Response) -> None:
    assert response.content == b""


def _embed(response: httpx.Response) -> None:
    answer = response.json()
    _has(answer, {"model": str, "embeddings": list, "total_duration": int, "prompt_eval_count": int})
    assert all(isinstance(number, float) for vector in answer["embeddings"] for number in vector)


def _ps(response: httpx.Response) -> None:
    for model in response.json()["models"]:
        _has(model, {"name": str, "model": str, "size": int, "digest": str, "expires_at": str, "size_vram": int})
    ollama.ProcessResponse.model_validate(response.json())


def _of_type(kind: Any) -> Callable[[httpx.Response], None]:
    return lambda response: TypeAdapter(kind).validate_python(response.json()) and None


def _chunks_of_type(kind: Any) -> Callable[[httpx.Response], None]:
    def check(response: httpx.Response) -> None:
        adapter = TypeAdapter[Any](kind)
        *parts, last = _events(response)
        for part in parts:
            assert part["choices"][0]["finish_reason"] is None
            part["choices"][0]["finish_reason"] = "stop"  # the type does not know that it is open until the end
            adapter.validate_python(part)
        assert adapter.validate_python(last).choices[0].finish_reason
        assert response.text.endswith("data: [DONE]\n\n")

    return check


def _with_logprobs(response: httpx.Response) -> None:
    choice = ChatCompletion.model_validate(response.json()).choices[0]
    assert choice.logprobs
    tokens = choice.logprobs.content or []
    assert tokens
    assert all(token.logprob <= 0 and token.top_logprobs for token in tokens)


def _response_stream(response: httpx.Response) -> None:
    adapter = TypeAdapter[Any](ResponseStreamEvent)
    events = [adapter.validate_python(event) for event in _events(response)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")


def _models(response: httpx.Response) -> None:
    answer = response.json()
    assert answer["object"] == "list"
    assert [Model.model_validate(each).object for each in answer["data"]] == ["model"] * len(answer["data"])


CHECKS: dict[str, Callable[[httpx.Response], str | None]] = {
    "generate": _generate,
    "generate_raw": lambda response: _generate(response, context=False),
    "generate_about_image": lambda response: _generate(response, context=False),
    "generate_stream": _generate_stream,
    "generate_load": _without_answer("response", "load"),
    "generate_unload": _without_answer("response", "unload"),
    "chat": _chat,
    "chat_stream": _chat_stream,
    "chat_load": _without_answer("message", "load"),
    "chat_unload": _without_answer("message", "unload"),
    "status_stream": _status_stream,
    "tags": _tags,
    "show": _show,
    "nothing": _nothing,
    "embed": _embed,
    "embedding": lambda response: _has(response.json(), {"embedding": list}),
    "ps": _ps,
    "version": lambda response: _has(response.json(), {"version": str}),
    "chat_completion": _of_type(ChatCompletion),
    "chat_completion_stream": _chunks_of_type(ChatCompletionChunk),
    "chat_completion_with_logprobs": _with_logprobs,
    "completion": _of_type(Completion),
    "completion_stream": _chunks_of_type(Completion),
    "embeddings": _of_type(CreateEmbeddingResponse),
    "models": _models,
    "model": _of_type(Model),
    "response": _of_type(Response),
    "response_stream": _response_stream,
    "input_tokens": _of_type(InputTokenCountResponse),
}
