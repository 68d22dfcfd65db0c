"""What OpenAI's clients send. Unknown fields are ignored, null means absent."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from apis.bounds import MAX_MESSAGES, MAX_TOOLS
from apis.content_parts import unsupported_part
from apis.numbers import MaxTokens, Whole, limit_of
from apis.openai.answer_forms import read_tool_choice
from apis.openai.generation_schemas import GenerationRequest
from chat.conversation import Conversation, GenerationOptions, Message, Role, ToolCall
from chat.pictures import Picture, text_of
from chat.reasoning import thinking_options
from web.errors import InvalidRequest


class ImageUrl(BaseModel):
    url: str
    detail: str | None = None


class VideoUrl(BaseModel):
    url: str


class ContentPart(BaseModel):
    """`video_url` is an extension, as vLLM has it."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    video_url: VideoUrl | str | None = None

    def picture(self, where: str) -> Picture:
        """Of an image or a video part. Raises `InvalidRequest` on any other."""
        if self.type == "video_url" and self.video_url is not None:
            url = self.video_url if isinstance(self.video_url, str) else self.video_url.url
            return Picture(url, where, video=True)
        if self.type != "image_url" or self.image_url is None:
            raise unsupported_part(self.type, "text, image_url and video_url", where)
        image = ImageUrl(url=self.image_url) if isinstance(self.image_url, str) else self.image_url
        return Picture(image.url, where, low_detail=image.detail == "low")


class FunctionCall(BaseModel):
    name: str
    arguments: str = "{}"


class MessageToolCall(BaseModel):
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[MessageToolCall] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_call_id: str | None = None
    name: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    def read(self, where: str) -> tuple[str, tuple[Picture, ...]]:
        """The content as one text, with a marker for each picture. Raises `InvalidRequest` on parts of other kinds."""
        if not isinstance(self.content, list):
            return self.content or "", ()
        pieces = [part.text or "" if part.type in ("text", "refusal") else part.picture(where) for part in self.content]
        return text_of(pieces), tuple(piece for piece in pieces if isinstance(piece, Picture))


class FunctionDefinition(BaseModel):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    type: Literal["function"]
    function: FunctionDefinition


class ChatRequest(GenerationRequest):
    """POST /v1/chat/completions."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    max_completion_tokens: MaxTokens | None = None
    n: Whole | None = Field(default=None, ge=1, le=16)
    tools: list[Tool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    logprobs: bool | None = None
    top_logprobs: Whole | None = Field(default=None, ge=0, le=20)
    chat_template_kwargs: dict[str, Any] | None = None

    def conversation(self) -> Conversation:
        """Raises `InvalidRequest` on what the models here cannot take."""
        tools = {tool.function.name: tool.model_dump(exclude_none=True) for tool in self.tools or ()}
        choice = read_tool_choice(self.tool_choice, list(tools))
        return Conversation(
            messages=_messages(self.messages),
            tools=tuple(tool for name, tool in tools.items() if choice.allowed is None or name in choice.allowed),
            template_options={**thinking_options(effort=self.reasoning_effort), **(self.chat_template_kwargs or {})},
            must_call=choice.must_call,
            tool_name=choice.name,
            parallel_calls=self.parallel_tool_calls is not False,
        )

    def options(self, choice: int = 0) -> GenerationOptions:
        """Those of one of the `n` choices. Raises `InvalidRequest`."""
        most = self.max_completion_tokens or self.max_tokens
        return self.generation(choice, max_tokens=limit_of(most), logprobs=bool(self.logprobs))

    def refuse_unsupported(self) -> None:
        super().refuse_unsupported()
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequest("top_logprobs needs logprobs to be true.", param="top_logprobs")


def _messages(messages: list[ChatMessage]) -> tuple[Message, ...]:
    called: dict[str, str] = {}
    result: list[Message] = []
    for index, message in enumerate(messages):
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()
        )
        called.update({call.id: call.name for call in calls})
        role: Role = "system" if message.role == "developer" else message.role
        text, pictures = message.read(f"messages[{index}].content")
        name = called.get(message.tool_call_id or "", message.name)
        if role == "tool":
            call_id = message.tool_call_id
            result.append(Message(role, text, tool_call_id=call_id, tool_name=name, pictures=pictures))
        else:
            thoughts = message.reasoning_content or message.reasoning or ""
            result.append(Message(role, text, calls, reasoning=thoughts, pictures=pictures))
    return tuple(result)
