"""An answer's deltas as the output items of a response, and as the events of its stream."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from apis.logprobs import openai_logprobs
from apis.openai.response_tools import OfferedTools, as_input
from chat.conversation import Message, ToolCall
from chat.deltas import CallPart, Delta, TokenLogprob

Event = dict[str, Any]


class ResponseOutput:
    """Grows by `push`; each call gives the events of what it added. `items` is the output, complete after `finish`.
    `top_logprobs`: how many are listed of each token, where an answer comes with log probabilities."""

    def __init__(self, tools: OfferedTools, *, top_logprobs: int = 0) -> None:
        self.items: list[dict[str, Any]] = []
        self._tools = tools
        self._top_logprobs = top_logprobs
        self._open: dict[str, Any] | None = None
        self._called = ""
        self._arguments = ""
        self._calls: list[ToolCall] = []
        self._whole: set[str] = set()

    def push(self, delta: Delta) -> Iterator[Event]:
        if delta.tool_call is not None:
            self._whole.add(delta.tool_call.id)
        if delta.call_part is not None:
            yield from self._call(delta.call_part)
        elif delta.reasoning:
            yield from self._more("reasoning", "reasoning_text", delta.reasoning)
        elif delta.text:
            yield from self._more("message", "output_text", delta.text, delta.logprobs)

    def finish(self, *, cut: bool = False) -> Iterator[Event]:
        """`cut`: the token limit ended the answer, so the item that is open is incomplete."""
        yield from self._close(status="incomplete" if cut else "completed")

    def message(self) -> Message:
        """The answer as the next turn of the conversation."""
        text = "".join(item["content"][0]["text"] for item in self.items if item["type"] == "message")
        thoughts = "".join(item["content"][0]["text"] for item in self.items if item["type"] == "reasoning")
        calls = tuple(call for call in self._calls if call.id in self._whole)
        return Message("assistant", text, calls, thoughts)

    def _more(self, kind: str, part_type: str, text: str, tokens: Sequence[TokenLogprob] = ()) -> Iterator[Event]:
        if self._open is None or self._open["type"] != kind:
            yield from self._close()
            item = _message() if kind == "message" else _reasoning()
            yield from self._add(item)
            part = {"type": part_type, "text": ""} | ({"annotations": [], "logprobs": []} if kind == "message" else {})
            item["content"].append(part)
            if kind == "message":
                shown = {**part, "logprobs": []}
                yield {"type": "response.content_part.added", **self._place(), "content_index": 0, "part": shown}
        assert self._open is not None
        part = self._open["content"][0]
        part["text"] += text
        logprobs: dict[str, Any] = {}
        if kind == "message":
            logprobs = {"logprobs": openai_logprobs(tokens, top=self._top_logprobs)}
            part["logprobs"] += logprobs["logprobs"]
        yield {"type": f"response.{part_type}.delta", **self._place(), "content_index": 0, "delta": text, **logprobs}

    def _call(self, part: CallPart) -> Iterator[Event]:
        if part.id is not None and part.name is not None:
            yield from self._close()
            self._called, self._arguments = part.name, ""
            item = self._tools[part.name].item(part.id)
            prefix = "ctc" if item["type"] == "custom_tool_call" else "fc"
            yield from self._add({"id": f"{prefix}_{secrets.token_hex(12)}", **item})
        if part.arguments and self._open is not None:
            self._arguments += part.arguments
            if self._open["type"] == "function_call":
                yield {"type": "response.function_call_arguments.delta", **self._place(), "delta": part.arguments}

    def _add(self, item: dict[str, Any]) -> Iterator[Event]:
        self.items.append(item)
        self._open = item
        shown = {**item, "content": []} if "content" in item else dict(item)
        yield {"type": "response.output_item.added", "output_index": len(self.items) - 1, "item": shown}

    def _close(self, *, status: str = "completed") -> Iterator[Event]:
        item, place = self._open, self._place()
        if item is None:
            return
        item["status"] = status
        if item["type"] in ("function_call", "custom_tool_call"):
            item["status"] = "completed" if item["call_id"] in self._whole else "incomplete"
            yield from self._end_of_call(item, place)
        else:
            part = item["content"][0]
            kind = f"response.{part['type']}.done"
            logprobs = {"logprobs": part["logprobs"]} if item["type"] == "message" else {}
            yield {"type": kind, **place, "content_index": 0, "text": part["text"], **logprobs}
            if item["type"] == "message":
                yield {"type": "response.content_part.done", **place, "content_index": 0, "part": part}
        yield {"type": "response.output_item.done", "output_index": place["output_index"], "item": item}
        self._open = None

    def _end_of_call(self, item: dict[str, Any], place: dict[str, Any]) -> Iterator[Event]:
        self._calls.append(ToolCall(item["call_id"], self._called, self._arguments))
        if item["type"] == "function_call":
            item["arguments"] = self._arguments
            whole = {"name": item["name"], "arguments": self._arguments}
            yield {"type": "response.function_call_arguments.done", **place, **whole}
            return
        item["input"] = as_input(self._arguments)
        kind = "response.custom_tool_call_input"
        yield {"type": f"{kind}.delta", **place, "delta": item["input"]}
        yield {"type": f"{kind}.done", **place, "input": item["input"]}

    def _place(self) -> dict[str, Any]:
        item_id = self._open["id"] if self._open else ""
        return {"item_id": item_id, "output_index": len(self.items) - 1}


def _message() -> dict[str, Any]:
    head = {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "status": "in_progress"}
    return {**head, "role": "assistant", "content": []}


def _reasoning() -> dict[str, Any]:
    return {
        "id": f"rs_{secrets.token_hex(12)}",
        "type": "reasoning",
        "status": "in_progress",
        "summary": [],
        "content": [],
    }
