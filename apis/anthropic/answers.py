"""The shapes of the Anthropic API's answers, for the OpenAPI document."""

from typing import Literal

from pydantic import BaseModel

from web.openapi import Responses, errors


class AnthropicErrorBody(BaseModel):
    type: str
    message: str


class AnthropicError(BaseModel):
    type: Literal["error"]
    error: AnthropicErrorBody
    request_id: str | None


ERRORS: Responses = errors(AnthropicError, 400, 404)


class ContentBlock(BaseModel):
    type: Literal["text", "thinking", "tool_use"]


class MessageUsage(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int


class AnthropicMessage(BaseModel):
    """With `stream` it comes inside typed events."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[ContentBlock]
    stop_reason: Literal["end_turn", "max_tokens", "tool_use", "stop_sequence"]
    stop_sequence: str | None
    usage: MessageUsage


class TokenCount(BaseModel):
    input_tokens: int
