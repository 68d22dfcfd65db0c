"""The OpenAPI document of a device server is whole, and what it says of errors is so."""

import json
import re
from typing import Any

import pytest

from tests.apis.servers import CHAT
from tests.helpers import http


@pytest.fixture(scope="module")
def document(server: str) -> dict[str, Any]:
    return http.get(f"{server}/openapi.json").json()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= known
    assert "$defs" not in json.dumps(document)


def test_every_route_tells_of_its_errors_and_its_stream(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert {"401", "403", "413", "429", "503"} <= set(operation["responses"]), path
            assert "422" not in operation["responses"] or path == "/api/pull"
    for path, kind in (
        ("/v1/chat/completions", "text/event-stream"),
        ("/v1/responses", "text/event-stream"),
        ("/v1/messages", "text/event-stream"),
        ("/api/chat", "application/x-ndjson"),
    ):
        assert set(document["paths"][path]["post"]["responses"]["200"]["content"]) == {"application/json", kind}


def test_a_wrong_parameter_is_refused_in_the_apis_own_shape(server: str) -> None:
    answer = http.get(f"{server}/activity?since=yesterday")
    assert answer.status_code == 400
    assert "since" in answer.json()["error"]["message"]


def test_allow_names_every_method_of_a_path(server: str) -> None:
    answer = http.request("OPTIONS", f"{server}/v1/responses/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")
    assert http.put(f"{server}/api/tags").headers["allow"] == "GET, HEAD"


def test_a_model_kept_for_longer_than_calendars_reach_is_listed(server: str) -> None:
    body = {"model": CHAT, "keep_alive": 1e300}
    assert http.post(f"{server}/api/generate", json=body).status_code == 200
    running = http.get(f"{server}/api/ps").json()["models"]
    assert any(CHAT in model["name"] for model in running)
    assert http.post(f"{server}/api/generate", json={**body, "keep_alive": 300}).status_code == 200


def test_a_template_that_does_not_compile_is_refused(server: str) -> None:
    body = {"model": "odd", "from": CHAT, "template": "{% break %}"}
    answer = http.post(f"{server}/api/create", json=body)
    assert answer.status_code == 400
    assert "Jinja" in answer.json()["error"]
