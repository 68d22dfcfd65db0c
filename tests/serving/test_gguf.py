"""A GGUF file served as it lies there, by both pipelines and where an NPU is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.launch import device_process

MODEL = Path(__file__).resolve().parents[1] / "models" / "test_gguf"
ID = "test/gguf"
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "模型"}], "max_tokens": 8, "temperature": 0}


def entry(**settings: Any) -> dict[str, Any]:
    return {"id": ID, "path": str(MODEL), **settings}


@pytest.mark.parametrize("pipeline", ["continuous_batching", "llm_pipeline"])
def test_it_answers_streams_and_keeps_to_a_form(tmp_path: Path, pipeline: str) -> None:
    with device_process(tmp_path, models=[entry(pipeline=pipeline)]) as server:
        body = BODY | {"model": f"gpu-{ID}"}
        answer = server.post("/v1/chat/completions", body).raise_for_status().json()
        assert answer["usage"]["completion_tokens"] in range(1, 9)
        text = answer["choices"][0]["message"]["content"]
        assert "<|im_" not in text
        assert server.post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"] == text
        with server.client.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as stream:
            lines = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: {")]
        pieces = [choice["delta"].get("content") or "" for line in lines for choice in json.loads(line)["choices"]]
        assert "".join(pieces) == text
        schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        held = server.post("/v1/chat/completions", body | {"response_format": form, "max_tokens": 64})
        assert set(json.loads(held.json()["choices"][0]["message"]["content"])) == {"a"}
        assert server.health()["models"][0]["pipeline"] == pipeline


def test_for_an_npu_it_runs_on_the_cpu_and_says_so(tmp_path: Path) -> None:
    with device_process(tmp_path, name="npu", models=[entry()]) as server:
        answer = server.post("/v1/chat/completions", BODY | {"model": f"npu-{ID}"})
        assert answer.status_code == 200
        (model,) = server.health()["models"]
        assert model["device"] == "CPU"
        assert "GGUF" in model["fallback_reason"]
