"""What /metrics says, in the format that Prometheus reads, and that the dashboard asks for nothing else."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.admin.site import LiveSite, make_site
from tests.apis.servers import CHAT, Script
from tests.helpers import http

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana-dashboard.json"


def samples(url: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and the labels' values, those of the device and the model left out."""
    response = http.get(f"{url}/metrics")
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
    answer = http.post(f"{scripted}/v1/chat/completions", json=body).json()
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


def families(url: str) -> dict[str, tuple[str, set[str]]]:
    """Kind and labels of each family, those of a histogram's parts left out."""
    return {
        family.name: (family.type, {name for sample in family.samples for name in sample.labels} - {"le"})
        for family in text_string_to_metric_families(http.get(f"{url}/metrics").text)
    }


def test_a_device_tells_all_that_is_promised(scripted: str) -> None:
    model = {"device", "model"}
    assert families(scripted) == {
        "openvino_requests": ("counter", model | {"outcome"}),
        "openvino_requests_resumed": ("counter", model),
        "openvino_audio_seconds": ("counter", model),
        "openvino_image_steps": ("counter", model),
        "openvino_requests_active": ("gauge", model),
        "openvino_requests_queued": ("gauge", model),
        "openvino_tokens": ("counter", model | {"kind"}),
        "openvino_time_to_first_token_seconds": ("histogram", model),
        "openvino_time_between_tokens_seconds": ("histogram", model),
        "openvino_instances": ("gauge", model),
        "openvino_instance_loads": ("counter", model),
        "openvino_instance_ends": ("counter", model | {"reason"}),
        "openvino_instance_memory_bytes": ("gauge", model),
        "openvino_memory_bytes": ("gauge", {"device", "kind"}),
    }


def test_the_dashboard_asks_for_what_there_is(scripted: str, tmp_path: Path) -> None:
    """Names and labels alike; those of the page's own figures are taken from it."""
    with LiveSite(make_site(tmp_path / "data")) as live:
        known = families(scripted) | families(live.url)
    labels = {name: labels for name, (_, labels) in known.items()}
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(expressions) > 8
    for expression in expressions:
        (name,) = re.findall(r"openvino_\w+", expression)
        family = re.sub(r"_(total|bucket|sum|count)$", "", name)
        grouped = re.search(r"by \(([^)]*)\)", expression)
        asked = set(re.findall(r"(\w+)=", expression)) | set(
            (grouped[1] if grouped else "").replace(" ", "").split(",")
        )
        assert asked - {"", "le"} <= labels[family], expression
        assert (known[family][0] == "counter") == name.endswith("_total"), expression
