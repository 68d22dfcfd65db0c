"""Instances that have seen many grammars are replaced, and nobody notices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, serving
from tests.helpers import http


def _ask(url: str, **changes: Any) -> str:
    body = {"model": CHAT, "messages": [{"role": "user", "content": "Hello"}], "temperature": 0, **changes}
    answer = http.post(f"{url}/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def _form(name: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"enum": [1, 2]}}, "required": [name]}
    return {"type": "json_schema", "json_schema": {"name": "form", "schema": schema}}


def test_a_stream_goes_on_and_forms_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.slot._WORN_BYTES", 1)
    monkeypatch.setattr("pools.housekeeping._PERIOD_SECONDS", 0.02)
    long: dict[str, Any] = {"max_tokens": 1900, "ignore_eos": True}
    with serving(make_app(tmp_path)) as url:
        whole = _ask(url, **long)
        forms = [_ask(url, response_format=_form("warm"))]  # it takes longest until the first has been tried
        body = {"model": CHAT, "messages": [{"role": "user", "content": "Hello"}], "temperature": 0, "stream": True}
        text = ""
        with http.stream("POST", f"{url}/v1/chat/completions", json={**body, **long}, timeout=60) as response:
            for number, line in enumerate(response.iter_lines()):
                if number == 40:
                    forms.append(_ask(url, response_format=_form("amid")))
                if line.startswith("data: {"):
                    text += json.loads(line.removeprefix("data: "))["choices"][0]["delta"].get("content") or ""
        assert text == whole
        assert [list(json.loads(form)) for form in forms] == [["warm"], ["amid"]]
        assert http.get(f"{url}/model/stats", params={"model": CHAT}).json()["resumed"] >= 1
