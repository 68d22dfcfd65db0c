"""GET /activity: which requests it lists, and what it says of them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from configuration.device_config import ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, Script, serving
from tests.helpers import http, wait_until

QUESTION = {"model": CHAT, "messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 4}


def activity(url: str, since: int = 0) -> dict[str, Any]:
    return http.get(f"{url}/activity", params={"since": since}).json()


def ask(url: str, path: str = "/v1/chat/completions", **changes: Any) -> httpx.Response:
    return httpx.post(url + path, json={**QUESTION, **changes}, headers={"user-agent": "Test/1.0"}, timeout=30)


def test_a_finished_request_is_listed_with_its_figures(scripted: str) -> None:
    since = activity(scripted)["cursor"]
    response = ask(scripted)
    (entry,) = activity(scripted, since)["ended"]
    assert entry["id"] == response.headers["x-request-id"]
    assert (entry["path"], entry["model"], entry["agent"]) == ("/v1/chat/completions", CHAT, "Test/1.0")
    assert (entry["status"], entry["outcome"], entry["client"]) == (200, "completed", "127.0.0.1")
    usage = response.json()["usage"]
    assert (entry["prompt_tokens"], entry["generated_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert 0 <= entry["first_token_seconds"] <= entry["seconds"]
    assert entry["prompt"] is None
    assert entry["answer"] is None


def test_one_request_has_one_rate_in_every_place(scripted: str) -> None:
    since = activity(scripted)["cursor"]
    whole = ask(scripted).json()["timings"]
    stream = ask(scripted, stream=True, stream_options={"include_usage": True}).text
    last = json.loads(stream.split("data: ")[-2])["timings"]
    told = ask(scripted, path="/api/chat", stream=False).json()
    ollama = round(told["eval_count"] / told["eval_duration"] * 1e9, 1)
    listed = [entry["tokens_per_second"] for entry in activity(scripted, since)["ended"]]
    assert listed == pytest.approx(
        [whole["predicted_per_second"], last["predicted_per_second"], ollama], rel=1e-4, abs=0.1001
    )
    assert whole["predicted_n"] == 4


def test_refused_requests_are_listed_with_their_reason(scripted: str) -> None:
    since = activity(scripted)["cursor"]
    ask(scripted, model="org/unknown")
    ask(scripted, path="/api/chat", options={"temperature": "hot"})
    unknown, invalid = activity(scripted, since)["ended"]
    assert (unknown["status"], unknown["outcome"], unknown["model"]) == (404, "failed", "org/unknown")
    assert "not found" in unknown["error"]
    assert (invalid["status"], invalid["path"]) == (400, "/api/chat")


def test_endless_names_are_neither_kept_nor_repeated_whole(scripted: str) -> None:
    since = activity(scripted)["cursor"]
    name = "x" * 5_000_000
    for path, more in (
        ("/v1/chat/completions", {"model": name}),
        ("/v1/messages", {"model": name}),
        ("/api/chat", {"model": name}),
        ("/v1/chat/completions", {"tool_choice": {"type": "function", "function": {"name": name}}}),
        ("/v1/chat/completions", {"logit_bias": {name: "much"}}),
    ):
        response = ask(scripted, path=path, **more)
        assert response.status_code in (400, 404)
        assert len(response.content) < 10_000
    report = http.get(f"{scripted}/activity", params={"since": since})
    assert len(report.json()["ended"]) == 5
    assert len(report.content) < 50_000


def test_what_asks_no_model_is_not_listed(scripted: str) -> None:
    since = activity(scripted)["cursor"]
    http.get(f"{scripted}/health")
    http.post(f"{scripted}/test/echo", content=b"x")
    http.post(f"{scripted}/api/show", json={"model": CHAT})
    assert activity(scripted, since)["ended"] == []


def test_a_running_request_counts_its_tokens_and_its_leaving_is_a_cancellation(scripted: str, script: Script) -> None:
    script.answer, script.pause = "word " * 400, 0.01
    since = activity(scripted)["cursor"]
    before = http.get(f"{scripted}/health").json()["generated_tokens"]
    with httpx.stream("POST", f"{scripted}/v1/chat/completions", json={**QUESTION, "max_tokens": 400, "stream": True}):
        wait_until(lambda: [one["generated_tokens"] > 5 for one in activity(scripted)["running"]] == [True])
        assert http.get(f"{scripted}/health").json()["generated_tokens"] > before
        (running,) = activity(scripted)["running"]
        assert running["outcome"] == "running"
        assert running["tokens_per_second"] > 0
    wait_until(lambda: activity(scripted, since)["ended"])
    (entry,) = activity(scripted, since)["ended"]
    assert entry["outcome"] == "cancelled"
    assert activity(scripted)["running"] == []


def test_live_has_it_all_in_one_answer(scripted: str) -> None:
    cursor = activity(scripted)["cursor"]
    ask(scripted)
    live = http.get(f"{scripted}/live", params={"since": cursor}).json()
    assert live["health"]["status"] == "ok"
    assert live["memory"]["models"]
    assert len(live["activity"]["ended"]) == 1


def test_texts_are_kept_where_that_is_switched_on(tmp_path: Path) -> None:
    script = Script()
    assignment = ModelAssignment(id=CHAT, path=str(MODELS / "test_chat"))
    app = make_app(tmp_path, script.instance_maker(), models=[assignment], keep_prompts=True)
    with serving(app) as url:
        ask(url, max_tokens=8)
        (entry,) = activity(url)["ended"]
    assert entry["prompt"] == "Say hello"
    assert entry["answer"] == script.answer


def test_many_requests_at_once_each_have_their_own_entry(scripted: str) -> None:
    since = activity(scripted)["cursor"]
    threads = [threading.Thread(target=ask, args=(scripted,), kwargs={"user": str(number)}) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = activity(scripted, since)["ended"]
    assert len({entry["id"] for entry in ended}) == 12
    assert [entry["ended"] for entry in ended] == sorted(entry["ended"] for entry in ended)
