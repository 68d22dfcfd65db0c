"""A model's own system prompt and sampling defaults, from its assignment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from devices.config import Configuration, DeviceSettings, ModelAlias, ModelAssignment
from devices.hardware import DeviceInfo
from server_app import build_device_server, create_app
from tests.admin.site import free_port
from tests.apis.servers import CHAT, MODELS, Script, serving
from tests.helpers import http


def test_they_hold_where_the_request_gives_none(tmp_path: Path) -> None:
    script = Script()
    assignment = ModelAssignment(
        id=CHAT,
        path=str(MODELS / "test_chat"),
        system="Talk like a pirate",
        parameters={"temperature": 0.25, "max_tokens": 3},
    )
    alias = ModelAlias(model=CHAT, parameters={"max_tokens": 2})
    settings = DeviceSettings(port=11435, device="CPU", models=[assignment], aliases={"short": alias})
    server = build_device_server(
        "cpu",
        Configuration(devices={"cpu": settings}),
        tmp_path,
        [DeviceInfo("CPU", "Test CPU", None)],
        make_instance=script.instance_maker(),
    )
    user = {"role": "user", "content": "Hello"}
    with serving(create_app(server, host="127.0.0.1", admin_port=free_port())) as url:

        def ask(messages: list[dict[str, str]], **changes: Any) -> None:
            body = {"model": CHAT, "messages": messages, **changes}
            httpx.post(f"{url}/v1/chat/completions", json=body, timeout=30).raise_for_status()

        ask([user])
        assert "Talk like a pirate" in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_new_tokens) == (0.25, 3)
        ask([{"role": "system", "content": "Be brief"}, user], temperature=0.75)
        assert "pirate" not in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_new_tokens) == (0.75, 3)
        ask([user], model="short")
        assert "Talk like a pirate" in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_new_tokens) == (0.25, 2)
        tags = http.get(f"{url}/api/tags").json()["models"]
    assert {tag["name"]: tag["details"]["parent_model"] for tag in tags} == {f"cpu-{CHAT}": "", "cpu-short": CHAT}
