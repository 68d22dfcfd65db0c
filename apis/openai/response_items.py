"""The items of a responses request: what a conversation is made of, and how it is listed again."""

import secrets
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel

from apis.content_parts import unsupported_part
from apis.openai.response_tools import as_arguments, flat_name
from chat.conversation import Message, ToolCall
from chat.pictures import Picture, text_of
from web.errors import InvalidRequest

_SEARCHES = frozenset({"tool_search_call", "tool_search_output"})
"""Of a search for tools: here all are offered from the beginning."""


class InputPart(BaseModel):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None

    def piece(self, where: str) -> str | Picture:
        """Raises `InvalidRequest` on what is neither text nor an image."""
        if self.type in ("input_text", "output_text", "text", "refusal"):
            return self.text or self.refusal or ""
        if self.type == "input_image" and self.image_url:
            return Picture(self.image_url, where, low_detail=self.detail == "low")
        raise unsupported_part(self.type, "input_text, and input_image with an image_url", where)


class InputItem(BaseModel):
    """A message, a call that the model made, or a call's result; `type` may be left out of a message."""

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[InputPart] | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[InputPart] | None = None
    summary: list[InputPart] | None = None

    def thoughts(self) -> str:
        """Of a reasoning item: what was thought, else the summary of it."""
        parts = (self.content if isinstance(self.content, list) else None) or self.summary or ()
        return "\n\n".join(part.text or "" for part in parts)

    def call(self) -> ToolCall:
        """Of a function's or a custom tool's call."""
        arguments = as_arguments(self.input or "") if self.type == "custom_tool_call" else self.arguments or "{}"
        return ToolCall(self.call_id or "", flat_name(self.name or "", self.namespace), arguments)

    def listed(self) -> dict[str, Any]:
        """As input_items shows it: with an id, its content in parts."""
        prefix = {"message": "msg", "function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs"}
        head = {"id": f"{prefix.get(self.type, 'in')}_{secrets.token_hex(12)}"}
        sent = self.model_dump(exclude_none=True)
        if self.type != "message":
            return {**head, **sent, **({} if self.type == "reasoning" else {"status": "completed"})}
        kind = "output_text" if self.role == "assistant" else "input_text"
        content = self.content if isinstance(self.content, list) else [InputPart(type=kind, text=self.content or "")]
        return {**head, **sent, "role": self.role or "user", "status": "completed", "content": _parts(content)}


def _parts(content: list[InputPart]) -> list[dict[str, Any]]:
    parts = [part.model_dump(exclude_none=True) for part in content]
    return [
        {**part, "annotations": [], "logprobs": []}
        if part["type"] == "output_text"
        else {"detail": "auto", **part}
        if part["type"] == "input_image"
        else part
        for part in parts
    ]


def messages_of(items: list[InputItem], earlier: tuple[Message, ...] = ()) -> tuple[Message, ...]:
    """Items as messages: neighbouring calls, and the text and the reasoning before them, are one turn. Raises
    `InvalidRequest`."""
    called = {call.id: call.name for message in earlier for call in message.tool_calls}
    messages: list[Message] = []
    thoughts = ""
    for index, item in enumerate(items):
        where = f"input[{index}]"
        if item.type == "reasoning":
            thoughts = item.thoughts()
            continue
        if item.type in _SEARCHES:
            continue
        if item.type == "message":
            role = "system" if item.role == "developer" else item.role or "user"
            text, pictures = _read(item.content, where)
            reasoning = thoughts if role == "assistant" else ""
            messages.append(Message(role, text, reasoning=reasoning, pictures=pictures))
        elif item.type in ("function_call", "custom_tool_call"):
            call = item.call()
            called[call.id] = call.name
            joins = messages and messages[-1].role == "assistant" and not thoughts
            turn = messages.pop() if joins else Message("assistant", "", reasoning=thoughts)
            messages.append(replace(turn, tool_calls=(*turn.tool_calls, call)))
        elif item.type in ("function_call_output", "custom_tool_call_output"):
            name = called.get(item.call_id or "")
            text, pictures = _read(item.output, where)
            messages.append(Message("tool", text, tool_call_id=item.call_id, tool_name=name, pictures=pictures))
        else:
            raise InvalidRequest(f"Input items of type '{item.type}' are not supported.", param=where)
        thoughts = ""
    return tuple(messages)


def _read(content: str | list[InputPart] | None, where: str) -> tuple[str, tuple[Picture, ...]]:
    if not isinstance(content, list):
        return content or "", ()
    pieces = [part.piece(where) for part in content]
    return text_of(pieces), tuple(piece for piece in pieces if isinstance(piece, Picture))
