"""What the GPU plugin answers beside what the CPU's does."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from tests.gpu.conftest import preload
from tests.support.launch import DEMO_ID, DeviceProcess

QUESTIONS = ("什麼是 OpenVINO？", "How do I add a model?", "What is the NPU port?")
TEXTS = ["A cat sits on the mat.", "貓坐在墊子上。", "Memory is counted in bytes."]


def _chat(server: DeviceProcess, model: str, content: Any, **options: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": content}], "temperature": 0, **options}
    return server.post("/v1/chat/completions", body).raise_for_status().json()["choices"][0]


def _answers(server: DeviceProcess, model: str, questions: tuple[str, ...]) -> list[str]:
    with ThreadPoolExecutor(len(questions)) as pool:
        return list(pool.map(lambda asked: _chat(server, model, asked)["message"]["content"], questions))


def test_the_server_runs_on_what_it_takes_for_a_gpu(gpu: DeviceProcess) -> None:
    health = gpu.health()
    assert (health["used_device"], health["fallback_reason"]) == ("GPU", None)
    assert "stand-in" in health["device_name"]


@pytest.mark.parametrize("model", [DEMO_ID, "demo/plain"], ids=["batching", "plain"])
def test_chats_are_answered_as_on_the_cpu_word_for_word(gpu: DeviceProcess, cpu: DeviceProcess, model: str) -> None:
    preload(gpu, model)
    expected = _answers(cpu, model, QUESTIONS)
    assert "11436" in expected[2]
    assert _answers(gpu, model, QUESTIONS) == expected
    assert _answers(gpu, model, QUESTIONS) == expected  # from the prefix cache, where there is one


def test_a_model_that_sees_is_as_sure_of_its_first_token(gpu: DeviceProcess, cpu: DeviceProcess) -> None:
    """Its weights are random, so that later tokens hang on rounding."""
    preload(gpu, "test/vision")
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 64)).save(file, "PNG")
    picture = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": picture}}]
    ours, theirs = (
        _chat(server, "test/vision", content, max_tokens=1, logprobs=True)["logprobs"]["content"][0]
        for server in (gpu, cpu)
    )
    assert ours["token"] == theirs["token"]
    assert ours["logprob"] == pytest.approx(theirs["logprob"], abs=0.05)


@pytest.mark.parametrize(
    "model",
    [
        "test/embedding",
        pytest.param(
            "test/mean_embedding",
            marks=pytest.mark.xfail(
                strict=True, reason="mean pooling gives zeros on the stand-in, for reasons unknown"
            ),
        ),
    ],
)
def test_embeddings_point_the_same_way(gpu: DeviceProcess, cpu: DeviceProcess, model: str) -> None:
    preload(gpu, model)
    body = {"model": model, "input": TEXTS}
    ours, theirs = (
        [row["embedding"] for row in server.post("/v1/embeddings", body).raise_for_status().json()["data"]]
        for server in (gpu, cpu)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert sum(a * b for a, b in zip(one, other, strict=True)) > 0.999


@pytest.mark.parametrize("model", ["test/reranker", "test/qwen_reranker"])
def test_rerankers_score_alike(gpu: DeviceProcess, cpu: DeviceProcess, model: str) -> None:
    preload(gpu, model)
    body = {"model": model, "query": "Where is the cat?", "documents": TEXTS}
    ours, theirs = (
        {row["index"]: row["relevance_score"] for row in server.post("/v1/rerank", body).json()["results"]}
        for server in (gpu, cpu)
    )
    assert ours == pytest.approx(theirs, abs=0.02)
