"""What Anthropic's clients send. Unknown fields (metadata, cache_control, …) are ignored."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from apis.bounds import MAX_MESSAGES, MAX_STOPS, MAX_TOOLS
from apis.numbers import TopK, Whole, top_k_of
from chat.conversation import GenerationOptions
from chat.grammars.forms import JsonForm
from instances.protocol import GenerationParams


class TextBlock(BaseModel):
    type: Literal["text"]
    text: str


class BlockSource(BaseModel):
    """Where an image or a document is: `data` in base64 (or plain text for type "text"), or a `url`."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class ImageBlock(BaseModel):
    type: Literal["image"]
    source: BlockSource


class DocumentBlock(BaseModel):
    type: Literal["document"]
    source: BlockSource
    title: str | None = None


class ToolUseBlock(BaseModel):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any] = {}


class ToolReferenceBlock(BaseModel):
    """What a search for tools has found: from now on that tool can be called."""

    type: Literal["tool_reference"]
    tool_name: str


class ToolResultBlock(BaseModel):
    type: Literal["tool_result"]
    tool_use_id: str
    content: "str | list[TextBlock | ImageBlock | DocumentBlock | ToolReferenceBlock] | None" = None
    is_error: bool | None = None


class ServerToolUseBlock(BaseModel):
    """A search for tools that Anthropic ran in an earlier turn."""

    type: Literal["server_tool_use"]
    name: str | None = None


class FoundTools(BaseModel):
    tool_references: list[ToolReferenceBlock] = []


class ToolSearchResultBlock(BaseModel):
    type: Literal["tool_search_tool_result"]
    content: FoundTools = FoundTools()


class ThinkingBlock(BaseModel):
    type: Literal["thinking"]
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(BaseModel):
    type: Literal["redacted_thinking"]
    data: str | None = None


class UnsupportedBlock(BaseModel):
    """Known only to be refused with a word on where it can go instead."""

    type: Literal["audio", "video"]


Block = Annotated[
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ServerToolUseBlock
    | ToolSearchResultBlock
    | UnsupportedBlock,
    Field(discriminator="type"),
]


class InputMessage(BaseModel):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class AnthropicTool(BaseModel):
    """A function of the client's, or by its `type` one that Anthropic would run. One with `defer_loading` is offered
    once a search has found it."""

    name: str
    type: str | None = None
    defer_loading: bool | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None


class AnthropicToolChoice(BaseModel):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(BaseModel):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Whole | None = None


class OutputFormat(BaseModel):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(BaseModel):
    """`effort` is that of thinking, for templates that know it."""

    effort: str | None = None
    format: OutputFormat | None = None


class PromptRequest(BaseModel):
    """POST /v1/messages/count_tokens, and the part of a request that makes up its prompt."""

    model: str
    messages: list[InputMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    system: str | list[TextBlock] | None = None
    tools: list[AnthropicTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: AnthropicToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None


class MessagesRequest(PromptRequest):
    """POST /v1/messages."""

    max_tokens: Whole = Field(ge=1)
    stream: bool | None = None
    stop_sequences: list[str] | None = Field(default=None, max_length=MAX_STOPS)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: TopK | None = None

    def options(self) -> GenerationOptions:
        form = self.output_config.format if self.output_config else None
        sampling = GenerationParams(
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=top_k_of(self.top_k),
            stop=tuple(self.stop_sequences or ()),
        )
        return GenerationOptions(sampling, form=JsonForm(form.schema_) if form else None)
