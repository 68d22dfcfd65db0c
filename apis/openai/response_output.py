"""An answer's deltas as the output items of a response, and as the events of its stream."""

import secrets
from collections.abc import Iterator
from typing import Any

from chat.conversation import Message, ToolCall
from chat.deltas import CallPart, Delta

Event = dict[str, Any]


class ResponseOutput:
    """Grows by `push`; each call gives the events of what it added. `items` is the output, complete after `finish`."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._whole: set[str] = set()

    def push(self, delta: Delta) -> Iterator[Event]:
        if delta.tool_call is not None:
            self._whole.add(delta.tool_call.id)
        if delta.call_part is not None:
            yield from self._call(delta.call_part)
        elif delta.reasoning:
            yield from self._more("reasoning", "reasoning_text", delta.reasoning)
        elif delta.text:
            yield from self._more("message", "output_text", delta.text)

    def finish(self) -> Iterator[Event]:
        yield from self._close()

    def message(self) -> Message:
        """The answer as the next turn of the conversation."""
        text = "".join(item["content"][0]["text"] for item in self.items if item["type"] == "message")
        thoughts = "".join(item["content"][0]["text"] for item in self.items if item["type"] == "reasoning")
        calls = tuple(
            ToolCall(item["call_id"], item["name"], item["arguments"])
            for item in self.items
            if item["type"] == "function_call" and item["call_id"] in self._whole
        )
        return Message("assistant", text, calls, thoughts)

    def _more(self, kind: str, part_type: str, text: str) -> Iterator[Event]:
        if self._open is None or self._open["type"] != kind:
            yield from self._close()
            item = _message() if kind == "message" else _reasoning()
            yield from self._add(item)
            part = {"type": part_type, "text": ""} | ({"annotations": [], "logprobs": []} if kind == "message" else {})
            item["content"].append(part)
            if kind == "message":
                yield {"type": "response.content_part.added", **self._place(), "content_index": 0, "part": dict(part)}
        assert self._open is not None
        self._open["content"][0]["text"] += text
        logprobs = {"logprobs": []} if kind == "message" else {}
        yield {"type": f"response.{part_type}.delta", **self._place(), "content_index": 0, "delta": text, **logprobs}

    def _call(self, part: CallPart) -> Iterator[Event]:
        if part.id is not None and part.name is not None:
            yield from self._close()
            head = {"id": f"fc_{secrets.token_hex(12)}", "type": "function_call", "status": "in_progress"}
            yield from self._add({**head, "call_id": part.id, "name": part.name, "arguments": ""})
        if part.arguments and self._open is not None:
            self._open["arguments"] += part.arguments
            yield {"type": "response.function_call_arguments.delta", **self._place(), "delta": part.arguments}

    def _add(self, item: dict[str, Any]) -> Iterator[Event]:
        self.items.append(item)
        self._open = item
        shown = {**item, "content": []} if "content" in item else dict(item)
        yield {"type": "response.output_item.added", "output_index": len(self.items) - 1, "item": shown}

    def _close(self) -> Iterator[Event]:
        item, place = self._open, self._place()
        if item is None:
            return
        item["status"] = "completed"
        if item["type"] == "function_call":
            item["status"] = "completed" if item["call_id"] in self._whole else "incomplete"
            whole = {"name": item["name"], "arguments": item["arguments"]}
            yield {"type": "response.function_call_arguments.done", **place, **whole}
        else:
            part = item["content"][0]
            kind = f"response.{part['type']}.done"
            logprobs = {"logprobs": []} if item["type"] == "message" else {}
            yield {"type": kind, **place, "content_index": 0, "text": part["text"], **logprobs}
            if item["type"] == "message":
                yield {"type": "response.content_part.done", **place, "content_index": 0, "part": part}
        yield {"type": "response.output_item.done", "output_index": place["output_index"], "item": item}
        self._open = None

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
