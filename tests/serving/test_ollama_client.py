"""The official client of Ollama, unchanged, against both kinds of pipeline."""

import ollama
import pytest

from tests.helpers import wait_until
from tests.support.launch import DeviceProcess

QUESTION = "什麼是 OpenVINO？"


@pytest.fixture
def client(server: DeviceProcess) -> ollama.Client:
    return ollama.Client(host=server.url)


def test_a_chat_streams_and_its_last_line_has_the_timings(client: ollama.Client, server: DeviceProcess) -> None:
    ask = {"model": server.model, "messages": [{"role": "user", "content": QUESTION}], "options": {"temperature": 0}}
    whole = client.chat(**ask)
    lines = list(client.chat(**ask, stream=True))
    assert "".join(line.message.content or "" for line in lines) == whole.message.content
    assert "OpenVINO" in (whole.message.content or "")
    for last in (whole, lines[-1]):
        assert last.done
        assert last.done_reason == "stop"
        for field in ("total_duration", "prompt_eval_duration", "eval_duration", "prompt_eval_count", "eval_count"):
            assert (last[field] or 0) > 0, field
        assert last.load_duration is not None
    assert not any(line.done for line in lines[:-1])


def test_a_conversation_of_several_turns(client: ollama.Client, server: DeviceProcess) -> None:
    messages: list[dict[str, str]] = []
    for question in ("什麼是 OpenVINO？", "NPU 的服務埠是多少？"):
        messages.append({"role": "user", "content": question})
        answer = client.chat(model=server.model, messages=messages, options={"temperature": 0})
        messages.append({"role": "assistant", "content": answer.message.content or ""})
    assert "11436" in messages[-1]["content"]


def test_generate_uses_the_template_unless_raw_and_gives_its_context(
    client: ollama.Client, server: DeviceProcess
) -> None:
    answer = client.generate(model=server.model, prompt=QUESTION, options={"temperature": 0})
    assert "OpenVINO" in (answer.response or "")
    assert answer.context
    prompt = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    raw = client.generate(model=server.model, prompt=prompt, raw=True, options={"temperature": 0})
    assert raw.response == answer.response
    with pytest.raises(ollama.ResponseError, match="raw mode"):
        client.generate(model=server.model, prompt="x", raw=True, system="y")


def test_num_predict_ends_with_length(client: ollama.Client, server: DeviceProcess) -> None:
    answer = client.generate(model=server.model, prompt=QUESTION, options={"num_predict": 2})
    assert (answer.done_reason, answer.eval_count) == ("length", 2)


def test_listings(client: ollama.Client, server: DeviceProcess) -> None:
    (model,) = client.list().models
    assert model.model == server.model
    assert model.digest is not None
    assert len(model.digest) == 64
    client.generate(model=server.model, prompt="", keep_alive="5m")
    (running,) = client.ps().models
    assert running.model == server.model
    assert running.context_length
    assert server.client.get("/").text == "Ollama is running"
    assert server.client.head("/").status_code == 200
    assert server.get("/api/version")["version"].count(".") == 2


def test_an_empty_prompt_loads_and_keep_alive_0_unloads(client: ollama.Client, server: DeviceProcess) -> None:
    assert client.generate(model=server.model, prompt="").done_reason == "load"
    assert server.workers()
    assert client.generate(model=server.model, prompt="", keep_alive=0).done_reason == "unload"
    wait_until(lambda: not server.workers())
    assert client.ps().models == []
    assert client.chat(model=server.model, messages=[], keep_alive="5m").done_reason == "load"


def test_errors_have_ollamas_shape(client: ollama.Client, server: DeviceProcess) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found") as caught:
        client.chat(model="nobody", messages=[{"role": "user", "content": "x"}])
    assert caught.value.status_code == 404
    for body, words in ((b"", "missing request body"), (b"{", "not valid JSON"), (b'{"model": 5}', "model")):
        answer = server.client.post("/api/chat", content=body)
        assert answer.status_code == 400
        assert words in answer.json()["error"]
    assert server.client.get("/api/chat").status_code == 405
    assert "/api/nothing" in server.client.get("/api/nothing").json()["error"]


def test_a_foreign_host_is_refused(server: DeviceProcess) -> None:
    assert server.client.get("/api/tags", headers={"Host": "evil.example"}).status_code == 403
