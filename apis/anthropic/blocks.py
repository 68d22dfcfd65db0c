"""An answer's deltas as Anthropic's content blocks: whole, or as the events of a stream."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from chat.collected import CollectedCalls
from chat.completion import Completion
from chat.deltas import CallPart, Delta

BlockKind = Literal["text", "thinking", "tool_use"]
Event = dict[str, Any]
_EMPTY: dict[BlockKind, dict[str, Any]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


@dataclass
class AnthropicAnswer:
    """One message on its way. Feed `events` each delta, then call `last_events`."""

    completion: Completion
    id: str = field(default_factory=lambda: f"msg_{secrets.token_hex(12)}")
    _index: int = -1
    _open: BlockKind | None = None

    def start(self) -> Event:
        return {"type": "message_start", "message": {**self._message([]), "stop_reason": None, "stop_sequence": None}}

    def events(self, delta: Delta) -> Iterator[Event]:
        """What one delta adds; a block is opened and closed as the kind of content changes."""
        if delta.call_part is not None:
            yield from self._call_part(delta.call_part)
        elif delta.reasoning:
            yield from self._open_block("thinking")
            yield self._delta({"type": "thinking_delta", "thinking": delta.reasoning})
        elif delta.text:
            yield from self._open_block("text")
            yield self._delta({"type": "text_delta", "text": delta.text})

    def last_events(self) -> Iterator[Event]:
        yield from self._close_block()
        yield {"type": "message_delta", "delta": self._stop(), "usage": self._usage()}
        yield {"type": "message_stop"}

    def whole(self, deltas: Iterable[Delta]) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        calls = CollectedCalls()
        for delta in deltas:
            calls.push(delta)
            part = delta.call_part
            if part is not None and part.id is not None:
                content.append(_tool_use_block(part.id, part.name or ""))
            elif delta.reasoning or delta.text:
                kind: BlockKind = "thinking" if delta.reasoning else "text"
                if not content or content[-1]["type"] != kind:
                    content.append(dict(_EMPTY[kind]))
                content[-1][kind] += delta.reasoning or delta.text
        blocks = [block for block in content if block["type"] == "tool_use"]
        for block, call in zip(blocks, calls.all, strict=True):
            block["input"] = call.members()
        return {**self._message(content), **self._stop()}

    def _message(self, content: list[dict[str, Any]]) -> dict[str, Any]:
        model = self.completion.model.public_id
        head = {"id": self.id, "type": "message", "role": "assistant", "model": model}
        return {**head, "content": content, "usage": self._usage()}

    def _usage(self) -> dict[str, int]:
        cached = self.completion.cached_tokens or 0
        return {
            "input_tokens": self.completion.prompt_tokens - cached,  # here those that were read from the cache not
            "output_tokens": len(self.completion.generated_ids),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
        }

    def _stop(self) -> dict[str, Any]:
        matched = self.completion.stop_string
        reason = "stop_sequence" if matched is not None else _STOP_REASONS[self.completion.finish_reason]
        return {"stop_reason": reason, "stop_sequence": matched}

    def _call_part(self, part: CallPart) -> Iterator[Event]:
        if part.id is not None and part.name is not None:
            yield from self._close_block()
            self._index += 1
            self._open = "tool_use"
            block = _tool_use_block(part.id, part.name)
            yield {"type": "content_block_start", "index": self._index, "content_block": block}
        if part.arguments:
            yield self._delta({"type": "input_json_delta", "partial_json": part.arguments})

    def _open_block(self, kind: BlockKind) -> Iterator[Event]:
        if self._open == kind:
            return
        yield from self._close_block()
        self._index += 1
        self._open = kind
        yield {"type": "content_block_start", "index": self._index, "content_block": _EMPTY[kind]}

    def _close_block(self) -> Iterator[Event]:
        if self._open == "thinking":
            yield self._delta({"type": "signature_delta", "signature": ""})
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
        self._open = None

    def _delta(self, delta: dict[str, Any]) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def _tool_use_block(call_id: str, name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call_id.removeprefix('call_')}", "name": name, "input": {}}
