"""What is particular to the NPU's static pipeline, which runs on the CPU here."""

import threading

from tests.support.launch import DeviceProcess

QUESTION = "什麼是 OpenVINO？"


def test_it_says_what_it_runs_on(npu: DeviceProcess) -> None:
    (model,) = npu.health()["models"]
    assert model["pipeline"] == "llm_pipeline"
    assert model["device"] == "NPU"
    assert "CPU" in model["fallback_reason"]


def test_two_requests_at_once_use_two_instances(npu: DeviceProcess) -> None:
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def ask() -> None:
        barrier.wait()
        for _ in range(8):
            answers.append(npu.chat(QUESTION))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 16
    assert len(set(answers)) == 1
    instances = npu.get(f"/model/instances?model={npu.model}")["instances"]
    assert len(instances) == 2
    assert len({instance["pid"] for instance in instances}) == 2


def test_a_prompt_over_the_limit_is_refused_in_each_apis_shape_with_both_lengths(npu: DeviceProcess) -> None:
    messages = [{"role": "user", "content": "很長的問題，" * 300}]
    openai = npu.post("/v1/chat/completions", {"model": npu.model, "messages": messages})
    ollama = npu.post("/api/chat", {"model": npu.model, "messages": messages})
    assert openai.status_code == ollama.status_code == 400
    error = openai.json()["error"]
    assert error["code"] == "context_length_exceeded"
    for sentence in (error["message"], ollama.json()["error"]):
        numbers = [int(word) for word in sentence.split() if word.isdigit()]
        assert 256 in numbers
        assert max(numbers) > 256


def test_an_answer_ends_with_length_where_the_static_context_does(npu: DeviceProcess) -> None:
    body = {"model": npu.model, "prompt": QUESTION * 8, "raw": True, "stream": False, "options": {"temperature": 1.5}}
    answer = npu.post("/api/generate", body).json()
    assert answer["prompt_eval_count"] + answer["eval_count"] <= 256 + 128
