"""Tools that Anthropic's clients defer until a search has found them."""

from typing import Any

import anthropic
import pytest

from tests.apis.servers import CHAT, Script
from tests.helpers import http

SEARCH = {"name": "ToolSearch", "description": "Finds tools.", "input_schema": {"type": "object"}}
SERVER_SEARCH = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
NAMES = ("mcp__mail__send", "mcp__mail__read", "mcp__files__open")
DEFERRED = [{"name": name, "input_schema": {"type": "object"}, "defer_loading": True} for name in NAMES]


def _searched(*names: str) -> list[dict[str, Any]]:
    references = [{"type": "tool_reference", "tool_name": name} for name in names]
    return [
        {"role": "user", "content": "Send a mail."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ToolSearch", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": references}]},
    ]


def _searched_by_the_server(*names: str) -> list[dict[str, Any]]:
    references = [{"type": "tool_reference", "tool_name": name} for name in names]
    result = {"type": "tool_search_tool_search_result", "tool_references": references}
    return [
        {"role": "user", "content": "Send a mail."},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look for it."},
                {"type": "server_tool_use", "id": "s1", "name": "tool_search_tool_regex", "input": {"query": "mail"}},
                {"type": "tool_search_tool_result", "tool_use_id": "s1", "content": result},
            ],
        },
        {"role": "user", "content": "Go on."},
    ]


@pytest.mark.parametrize(
    ("tools", "messages", "choice", "offered"),
    [
        ([SEARCH, *DEFERRED], [{"role": "user", "content": "Hi"}], None, []),
        ([SEARCH, *DEFERRED], _searched(), None, []),
        ([SEARCH, *DEFERRED], _searched(NAMES[0]), None, [NAMES[0]]),
        ([SEARCH, *DEFERRED], _searched(NAMES[2], NAMES[0], "unknown"), None, [NAMES[0], NAMES[2]]),
        ([SEARCH, *DEFERRED], _searched_by_the_server(NAMES[1]), None, [NAMES[1]]),
        ([SEARCH, *DEFERRED], [{"role": "user", "content": "Hi"}], {"type": "tool", "name": NAMES[1]}, [NAMES[1]]),
        ([SERVER_SEARCH, SEARCH, *DEFERRED], [{"role": "user", "content": "Hi"}], None, list(NAMES)),
        ([SERVER_SEARCH, *DEFERRED], _searched_by_the_server(NAMES[1]), None, list(NAMES)),
        (DEFERRED, [{"role": "user", "content": "Hi"}], None, list(NAMES)),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_what_a_search_has_found_is_offered(
    scripted: str, script: Script, path: str, tools: Any, messages: Any, choice: Any, offered: list[str]
) -> None:
    body = {"model": CHAT, "max_tokens": 9, "messages": messages, "tools": tools}
    answer = http.post(f"{scripted}{path}", json=body | ({"tool_choice": choice} if choice else {}))
    assert answer.status_code == 200, answer.text
    if path == "/v1/messages":
        definitions = script.prompt().partition("Hi")[0].partition("Send a mail")[0]
        assert [name for name in NAMES if f'"name": "{name}"' in definitions] == offered


def test_the_model_is_told_what_was_found(scripted: str, script: Script) -> None:
    client = anthropic.Anthropic(base_url=scripted, api_key="any")
    client.messages.create(model=CHAT, max_tokens=9, messages=_searched(NAMES[0]), tools=[SEARCH, *DEFERRED])  # type: ignore[arg-type]
    assert f"The tool '{NAMES[0]}' can be called now." in script.prompt()


def test_other_tools_of_the_server_are_still_refused(scripted: str) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    body = {"model": CHAT, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "tools": tools}
    answer = http.post(f"{scripted}/v1/messages", json=body)
    assert answer.status_code == 400
    assert "web_search" in answer.json()["error"]["message"]
