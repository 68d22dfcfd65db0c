"""What /metrics says, in the format that Prometheus reads, and that the dashboard asks for nothing else."""

import json
import re
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.apis.servers import CHAT, Script

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana-dashboard.json"


def samples(url: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and the labels' values, those of the device and the model left out."""
    response = httpx.get(f"{url}/metrics", trust_env=False)
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(value for name, value in sample.labels.items() if name not in ("device", "model"))): (
            sample.value
        )
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.labels.get("model", CHAT) == CHAT
    }


def test_a_request_is_counted_with_its_tokens_and_times(scripted: str, script: Script) -> None:
    before = samples(scripted)
    body = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
    answer = httpx.post(f"{scripted}/v1/chat/completions", json=body, trust_env=False).json()
    after = samples(scripted)

    def grown(name: str, *labels: str) -> float:
        return after[name, labels] - before[name, labels]

    assert grown("openvino_requests_total", "completed") == 1
    assert grown("openvino_requests_total", "failed") == 0
    assert grown("openvino_tokens_total", "prompt") == answer["usage"]["prompt_tokens"]
    generated = grown("openvino_tokens_total", "generated")
    assert generated > 1
    assert grown("openvino_time_to_first_token_seconds_count") == 1
    assert grown("openvino_time_between_tokens_seconds_count") == generated - 1
    assert after["openvino_time_to_first_token_seconds_bucket", ("+Inf",)] >= 1
    assert after["openvino_requests_active", ()] == 0
    assert after["openvino_instances", ()] == 1
    assert after["openvino_instance_loads_total", ()] == 1


def test_the_dashboard_asks_for_what_there_is(scripted: str) -> None:
    known = {name for name, _ in samples(scripted)}
    known |= {"openvino_device_state", "openvino_device_restarts_total", "openvino_pull_jobs"}
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = {
        name
        for panel in panels
        for target in panel.get("targets", [])
        for name in re.findall(r"openvino_\w+", target["expr"])
    }
    assert len(asked) > 8
    assert asked <= known
