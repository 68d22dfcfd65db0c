"""A model's own system prompt and sampling defaults, from its assignment."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx

from configuration.device_config import ModelAlias, ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, Script, serving
from tests.helpers import http


def device(
    data: Path, script: Script, assignment: ModelAssignment, aliases: dict[str, ModelAlias]
) -> AbstractContextManager[str]:
    """A device server with one model; its URL."""
    return serving(make_app(data, script.instance_maker(), models=[assignment], aliases=aliases))


def test_they_hold_where_the_request_gives_none(tmp_path: Path) -> None:
    script = Script()
    assignment = ModelAssignment(
        id=CHAT,
        path=str(MODELS / "test_chat"),
        system="Talk like a pirate",
        parameters={"temperature": 0.25, "max_tokens": 3},
    )
    alias = ModelAlias(model=CHAT, parameters={"max_tokens": 2})
    user = {"role": "user", "content": "Hello"}
    with device(tmp_path, script, assignment, {"short": alias}) as url:

        def ask(messages: list[dict[str, str]], **changes: Any) -> None:
            body = {"model": CHAT, "messages": messages, **changes}
            httpx.post(f"{url}/v1/chat/completions", json=body, timeout=30).raise_for_status()

        ask([user])
        assert "Talk like a pirate" in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_tokens) == (0.25, 3)
        ask([{"role": "system", "content": "Be brief"}, user], temperature=0.75)
        assert "pirate" not in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_tokens) == (0.75, 3)
        ask([user], model="short")
        assert "Talk like a pirate" in script.prompt()
        assert (script.sampling[-1].temperature, script.sampling[-1].max_tokens) == (0.25, 2)
        tags = http.get(f"{url}/api/tags").json()["models"]
    assert {tag["name"]: tag["details"]["parent_model"] for tag in tags} == {f"gpu-{CHAT}": "", "gpu-short": CHAT}


def test_what_is_far_too_long_is_not_rendered(tmp_path: Path) -> None:
    """Templates are programs; how long they take over millions of characters is theirs."""
    alias = ModelAlias(model=CHAT, template="{{ raise_exception('rendered') }}")
    assignment = ModelAssignment(id=CHAT, path=str(MODELS / "test_chat"))
    with device(tmp_path, Script(), assignment, {"strict": alias}) as url:
        for content, complaint in (
            ("short", "rendered"),
            ("long " * 1_000_000, "maximum context length is 2048 tokens"),
        ):
            body = {"model": "strict", "messages": [{"role": "user", "content": content}]}
            answer = http.post(f"{url}/v1/chat/completions", json=body, timeout=60)
            assert (answer.status_code, complaint in answer.text) == (400, True)
