"""Requests through the gateway: who is asked, what is passed on, what comes back."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import httpx
import pytest

from apis.forwarded import ALIAS_HEADER, ForwardedAlias
from tests.apis.servers import CHAT
from tests.gateway.conftest import ONLY_GPU, Town, open_town
from tests.helpers import wait_until


def test_a_prefix_names_the_device(town: Town) -> None:
    for device in ("gpu", "npu"):
        answer = town.chat(f"{device}-{CHAT}").json()
        assert answer["model"] == f"{device}-{CHAT}"
        assert town.asked()[device] == 1


def test_a_bare_id_goes_where_the_model_is_loaded(town: Town) -> None:
    town.chat(f"npu-{CHAT}")
    wait_until(lambda: _reachable_and_loaded(town, "npu"))
    town.chat(CHAT)
    assert town.asked() == {"gpu": 0, "npu": 2}


def _reachable_and_loaded(town: Town, device: str) -> bool:
    inventory = httpx.get(f"{town.urls[device]}/health", trust_env=False).json()
    time.sleep(0.7)  # the gateway looks twice a second
    return inventory["models"][0]["instances"] == 1


def test_an_unknown_model_is_a_404_in_each_apis_own_form_with_the_names(town: Town) -> None:
    town.alias("code", CHAT)
    messages = [{"role": "user", "content": "x"}]
    for path, sentence in (
        ("/v1/chat/completions", lambda body: body["error"]["message"]),
        ("/api/chat", lambda body: body["error"]),
        ("/v1/messages", lambda body: body["error"]["message"]),
    ):
        response = town.client.post(path, json={"model": "no/such", "messages": messages, "max_tokens": 5})
        assert response.status_code == 404
        for name in (f"gpu-{CHAT}", f"npu-{CHAT}", "code"):
            assert f"'{name}'" in sentence(response.json())


def test_a_body_that_is_no_json_is_answered_by_a_device(town: Town) -> None:
    response = town.client.post("/v1/chat/completions", content=b"{", headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_bytes_pass_as_they_are(town: Town) -> None:
    """Half of a character's escape, blanks, unknown fields: nothing is written anew."""
    body = b'{ "model":"%s", "messages":[{"role":"user","content":"a \\ud83d b"}], "unknown": [1,  2] }' % CHAT.encode()
    assert town.client.post("/v1/chat/completions", content=body).status_code == 200


def test_lists_are_merged(town: Town) -> None:
    town.alias("embed", ONLY_GPU)
    names = [f"gpu-{CHAT}", f"gpu-{ONLY_GPU}", f"npu-{CHAT}", "embed"]
    assert [each["id"] for each in town.client.get("/v1/models").json()["data"]] == names
    tags = town.client.get("/api/tags").json()["models"]
    assert [each["name"] for each in tags] == names
    assert tags[-1]["details"]["parent_model"] == f"gpu-{ONLY_GPU}"
    town.chat(f"npu-{CHAT}")
    assert [each["name"] for each in town.client.get("/api/ps").json()["models"]] == [f"npu-{CHAT}"]
    assert town.client.get("/api/version").json()["version"]
    assert town.client.get(f"/v1/models/npu-{CHAT}").json()["id"] == f"npu-{CHAT}"
    assert town.client.get("/v1/models/embed").json()["id"] == "embed"
    assert town.client.get("/v1/models/nobody").status_code == 404


def test_an_alias_has_a_system_prompt_and_parameters(town: Town) -> None:
    town.alias("chat", f"npu-{CHAT}", system="Say ARRR.", parameters={"temperature": 0.25, "max_tokens": 3})
    for path, options in (
        ("/v1/chat/completions", {}),
        ("/api/chat", {"stream": False}),
        ("/v1/messages", {"max_tokens": 3}),
    ):
        body = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], **options}
        answer = town.client.post(path, json=body).json()
        assert answer["model"] == "chat"
        script = town.scripts["npu"]
        assert "Say ARRR." in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_tokens) == (0.25, 3)
    town.chat("chat", temperature=0.75, messages=[{"role": "system", "content": "Own."}])
    assert town.scripts["npu"].sampling[-1].temperature == 0.75
    assert "ARRR" not in town.scripts["npu"].prompt()
    assert town.asked()["gpu"] == 0


def test_a_stranger_cannot_use_the_gateways_headers(town: Town) -> None:
    """Neither at a device, nor through the gateway."""
    header = {ALIAS_HEADER: ForwardedAlias("x", f"gpu-{CHAT}", "Injected.").encoded()}
    body = {"model": "x", "messages": [{"role": "user", "content": "hi"}]}
    for url in (town.url, town.urls["gpu"]):
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=header, trust_env=False)
        assert answer.status_code == 404


def test_a_busy_model_falls_back(town: Town) -> None:
    town.alias("chat", f"npu-{CHAT}", fallback=[f"gpu-{CHAT}"])
    town.chat(f"npu-{CHAT}")  # loaded: until then all requests but one are refused
    town.scripts["npu"].pause = 0.2
    town.scripts["npu"].answer = "one two three four five six"
    busy = [threading.Thread(target=town.chat, args=(f"npu-{CHAT}",)) for _ in range(2)]
    for thread in busy:
        thread.start()
    wait_until(lambda: town.asked()["npu"] == 3)
    assert town.chat("chat").json()["model"] == "chat"
    assert town.asked()["gpu"] == 1
    for thread in busy:
        thread.join()


def test_a_device_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        there = town.urls["gpu"]
        town.move("gpu", "http://127.0.0.1:9")
        back = threading.Timer(1.0, lambda: town.move("gpu", there))
        back.start()
        assert town.chat(f"gpu-{CHAT}").status_code == 200
        back.join()


def test_a_device_that_does_not_come_back_is_a_503(tmp_path: Path) -> None:
    with open_town(tmp_path, wait_seconds=0.5) as town:
        town.move("gpu", "http://127.0.0.1:9")
        response = town.chat(f"gpu-{CHAT}")
        assert (response.status_code, response.json()["error"]["code"]) == (503, "device_unavailable")
        assert response.headers["retry-after"]
        assert town.chat(CHAT).json()["model"] == f"npu-{CHAT}"  # a bare id has another device to go to


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/messages"])
def test_who_leaves_leaves_the_device_too(town: Town, path: str) -> None:
    town.scripts["gpu"].answer = "word " * 400
    town.scripts["gpu"].pause = 0.02
    body = {"model": f"gpu-{CHAT}", "messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 400}
    with town.client.stream("POST", path, json=body) as response:
        next(response.iter_bytes())
    wait_until(lambda: _health(town, "gpu")["active_requests"] == 0)
    assert _health(town, "gpu")["generated_tokens"] < 350


def _health(town: Town, device: str) -> dict[str, int]:
    return httpx.get(f"{town.urls[device]}/health", trust_env=False).json()


def test_devices_know_the_real_client_and_count_it_once(town: Town) -> None:
    town.chat(f"gpu-{CHAT}")
    ended = httpx.get(f"{town.urls['gpu']}/activity", trust_env=False).json()["ended"]
    assert ended[-1]["client"] == "127.0.0.1"
    request_id = town.chat(f"gpu-{CHAT}", user="x").headers["x-request-id"]
    ended = httpx.get(f"{town.urls['gpu']}/activity", trust_env=False).json()["ended"]
    assert ended[-1]["id"] == request_id


def test_a_stored_response_is_found_on_its_device(town: Town) -> None:
    first = town.client.post("/v1/responses", json={"model": f"npu-{CHAT}", "input": "hi"}).json()
    assert town.client.get(f"/v1/responses/{first['id']}").json()["id"] == first["id"]
    body = {"model": CHAT, "input": "more", "previous_response_id": first["id"]}
    assert town.client.post("/v1/responses", json=body).status_code == 200
    assert town.asked() == {"gpu": 0, "npu": 2}
    assert town.client.delete(f"/v1/responses/{first['id']}").json()["deleted"] is True
    assert town.client.get(f"/v1/responses/{first['id']}").status_code == 404


def test_an_alias_is_removed_by_ollamas_clients_and_never_copied(town: Town) -> None:
    town.alias("chat", CHAT)
    assert town.client.post("/api/copy", json={"source": "chat", "destination": "x"}).status_code == 400
    assert town.client.request("DELETE", "/api/delete", json={"model": "chat"}).status_code == 200
    assert town.gateway.load().aliases == {}


def test_what_is_unknown_in_its_file_survives(town: Town) -> None:
    path = town.data_dir / "gateway.json"
    path.write_text('{"note": [1], "aliases": {"a": {"model": "x/y", "why": "z"}}}', encoding="utf-8")
    town.alias("chat", CHAT)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["note"] == [1]
    assert document["aliases"]["a"]["why"] == "z"


def test_metrics_and_health_tell_what_was_passed(town: Town) -> None:
    town.chat(f"gpu-{CHAT}")
    assert 'openvino_gateway_answers_total{device="gpu"} 1.0' in town.client.get("/metrics").text
    report = town.client.get("/health").json()["devices"]
    assert [(each["name"], each["answered"]) for each in report] == [("gpu", 1), ("npu", 0)]
