"""Embeddings and reranking with real workers, by the official clients of OpenAI and Ollama."""

import base64
import json
import shutil
import struct
from pathlib import Path

import ollama
import openai
import pytest

from configuration.device_config import ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, EMBEDDING, MODELS, QWEN_RERANKER, RERANKER, serving
from tests.helpers import http


@pytest.fixture
def client(server: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server}/v1", api_key="any", max_retries=0)


@pytest.fixture
def ollama_client(server: str) -> ollama.Client:
    return ollama.Client(server)


def _length(vector: list[float]) -> float:
    return sum(value * value for value in vector) ** 0.5


def test_a_text_becomes_a_vector_of_length_one(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=EMBEDDING, input="hello", encoding_format="float")
    assert (answer.object, answer.model) == ("list", "gpu-test/embedding")
    assert len(answer.data[0].embedding) == 32
    assert _length(answer.data[0].embedding) == pytest.approx(1, abs=1e-5)
    assert answer.usage.prompt_tokens == len("hello") + 2


def test_many_texts_keep_their_order(client: openai.OpenAI) -> None:
    texts = [f"{'text ' * (index % 7)}{index}" for index in range(40)]
    many = client.embeddings.create(model=EMBEDDING, input=texts)
    assert [each.index for each in many.data] == list(range(40))
    for index in (0, 17, 39):
        alone = client.embeddings.create(model=EMBEDDING, input=texts[index])
        assert many.data[index].embedding == pytest.approx(alone.data[0].embedding, abs=1e-4)
    assert many.data[1].embedding != pytest.approx(many.data[2].embedding, abs=1e-2)


def test_base64_holds_the_same_numbers(server: str) -> None:
    body = {"model": EMBEDDING, "input": "hello"}
    floats = http.post(f"{server}/v1/embeddings", json=body).json()["data"][0]["embedding"]
    encoded = http.post(f"{server}/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
    data = base64.b64decode(encoded["data"][0]["embedding"])
    assert struct.unpack("<32f", data) == pytest.approx(floats)


def test_fewer_dimensions(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=EMBEDDING, input="hello", dimensions=8)
    assert len(answer.data[0].embedding) == 8
    assert _length(answer.data[0].embedding) == pytest.approx(1, abs=1e-5)
    with pytest.raises(openai.BadRequestError, match="32 dimensions, not 99"):
        client.embeddings.create(model=EMBEDDING, input="hello", dimensions=99)


def test_token_ids_stand_for_their_text(client: openai.OpenAI) -> None:
    text = client.embeddings.create(model=EMBEDDING, input="ab").data[0].embedding
    letters = [ord(letter) - ord("!") + 3 for letter in "ab"]  # after three special tokens come the bytes from "!" on
    assert client.embeddings.create(model=EMBEDDING, input=letters).data[0].embedding == pytest.approx(text)
    pair = client.embeddings.create(model=EMBEDDING, input=[letters, letters])
    assert len(pair.data) == 2


def test_half_a_character_does_not_fail_the_batch(server: str) -> None:
    body = rb'{"model": "test/embedding", "input": ["good", "cut \ud83d", "whole \ud83d\ude00", "\\ud83d"]}'
    answer = http.post(f"{server}/v1/embeddings", content=body)
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 4


def test_long_texts_are_cut_or_refused(ollama_client: ollama.Client) -> None:
    cut = ollama_client.embed(EMBEDDING, "x" * 1000)
    assert cut.prompt_eval_count == 256
    assert cut.embeddings[0] == pytest.approx(ollama_client.embed(EMBEDDING, "x" * 2000).embeddings[0], abs=1e-5)
    with pytest.raises(ollama.ResponseError, match="exceeds the context length: 1002 tokens, but 256"):
        ollama_client.embed(EMBEDDING, "x" * 1000, truncate=False)


def test_ollama_embed(ollama_client: ollama.Client) -> None:
    answer = ollama_client.embed(f"{EMBEDDING}:latest", ["one", "two"], dimensions=16)
    assert [len(vector) for vector in answer.embeddings] == [16, 16]
    assert answer.total_duration
    assert ollama_client.embed(EMBEDDING, []).embeddings == []


def test_ollama_embeddings_in_the_old_form(ollama_client: ollama.Client) -> None:
    old = ollama_client.embeddings(EMBEDDING, "one").embedding
    assert old == pytest.approx(ollama_client.embed(EMBEDDING, "one").embeddings[0])


@pytest.mark.parametrize("documents", [["a cat", "rain falls", "x"], [{"text": "a cat"}, {"text": "rain falls"}, "x"]])
def test_rerank_orders_documents_by_score(server: str, documents: list[object]) -> None:
    body = {"model": RERANKER, "query": "weather", "documents": documents, "top_n": 2, "return_documents": True}
    answer = http.post(f"{server}/v1/rerank", json=body).json()
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 2
    assert answer["results"][0]["document"]["text"] in ("a cat", "rain falls", "x")
    assert answer["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("reranker", [RERANKER, QWEN_RERANKER])
def test_rerank_scores_do_not_depend_on_the_batch(server: str, reranker: str) -> None:
    documents = [f"{'document ' * (index % 3)}{index}" for index in range(20)]
    body = {"model": reranker, "query": "which", "documents": documents}
    many = {
        each["index"]: each["relevance_score"] for each in http.post(f"{server}/rerank", json=body).json()["results"]
    }
    alone = http.post(f"{server}/rerank", json={**body, "documents": documents[17:18]}).json()["results"][0]
    assert many[17] == pytest.approx(alone["relevance_score"], abs=1e-4)
    assert len({round(score, 5) for score in many.values()}) > 1


def test_a_long_document_is_cut_before_the_end_of_the_question(server: str) -> None:
    documents = ["y" * 5000, "y" * 6000, "z"]
    body = {"model": QWEN_RERANKER, "query": "which", "documents": documents}
    results = http.post(f"{server}/rerank", json=body).json()["results"]
    scores = {each["index"]: each["relevance_score"] for each in results}
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert scores[0] != pytest.approx(scores[2], abs=1e-4)


def test_a_model_of_another_kind_is_refused(client: openai.OpenAI, ollama_client: ollama.Client, server: str) -> None:
    with pytest.raises(openai.BadRequestError, match="is a language model"):
        client.embeddings.create(model=CHAT, input="x")
    with pytest.raises(openai.BadRequestError, match="is an embedding model"):
        client.chat.completions.create(model=EMBEDDING, messages=[{"role": "user", "content": "x"}])
    with pytest.raises(ollama.ResponseError, match="is a reranker"):
        ollama_client.embed(RERANKER, "x")
    refused = http.post(f"{server}/v1/rerank", json={"model": EMBEDDING, "query": "q", "documents": ["d"]})
    assert refused.status_code == 400


@pytest.mark.parametrize("value", [None, "", [], [""], [[]], 3, {"a": 1}])
def test_nothing_to_embed_is_refused(server: str, value: object) -> None:
    refused = http.post(f"{server}/v1/embeddings", json={"model": EMBEDDING, "input": value})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"].startswith("input")


def test_a_query_and_a_document_are_introduced_as_the_model_wants(tmp_path: Path) -> None:
    directory = shutil.copytree(MODELS / "test_embedding", tmp_path / "embedding")
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": None}
    (directory / "config_sentence_transformers.json").write_text(json.dumps(prompts), encoding="utf-8")
    model = ModelAssignment(id=EMBEDDING, path=str(directory))
    with serving(make_app(tmp_path / "data", models=[model])) as url:

        def vector(text: str, **fields: str) -> list[float]:
            body = {"model": EMBEDDING, "input": text, **fields}
            return http.post(f"{url}/v1/embeddings", json=body).raise_for_status().json()["data"][0]["embedding"]

        asked = vector("query: hello")
        assert vector("hello", input_type="query") == vector("hello", input_type="search_query") == pytest.approx(asked)
        assert vector("hello", input_type="document") == pytest.approx(vector("passage: hello"))
        assert vector("hello") != pytest.approx(asked, abs=1e-2)
        assert http.post(f"{url}/v1/embeddings", json={"model": EMBEDDING, "input": "x", "input_type": "y"}).is_error
