"""What clients send to /v1/responses. Unknown fields are ignored, null means absent."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from apis.bounds import MAX_MESSAGES, MAX_TOOLS
from apis.numbers import Whole
from apis.openai.generation_schemas import Penalty, Probability
from apis.openai.response_items import InputItem, messages_of
from apis.openai.response_tools import OfferedTools, ResponseTool, read_choice
from chat.conversation import Conversation, GenerationOptions, Message
from chat.grammars.forms import JsonForm
from chat.reasoning import thinking_options
from instances.protocol import GenerationParams
from web.errors import InvalidRequest

_LOGPROBS = "message.output_text.logprobs"


class TextFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextSettings(BaseModel):
    format: TextFormat | None = None


class ReasoningSettings(BaseModel):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: str | None = None


class InputRequest(BaseModel):
    """POST /v1/responses/input_tokens, and the part of a request that makes up its prompt."""

    model: str
    input: str | Annotated[list[InputItem], Field(max_length=MAX_MESSAGES)]
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[ResponseTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: TextSettings | None = None
    reasoning: ReasoningSettings | None = None
    truncation: Literal["auto", "disabled"] | None = None

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        if self.tools and not self.offered.definitions:
            kind = self.tools[0].type
            if kind in ("function", "custom"):
                raise InvalidRequest(f"A tool of type '{kind}' needs a name.", param="tools[0].name")
            raise InvalidRequest(f"Tools of type '{kind}' are not supported; use functions.", param="tools")
        read_choice(self.tool_choice, self.offered)

    @cached_property
    def offered(self) -> OfferedTools:
        return OfferedTools(self.tools or ())

    def items(self) -> list[InputItem]:
        if isinstance(self.input, str):
            return [InputItem(role="user", content=self.input)]
        return self.input

    def conversation(self, earlier: tuple[Message, ...]) -> Conversation:
        """After the `earlier` messages of the response that this one continues. Raises `InvalidRequest`."""
        instructions = (Message("system", self.instructions),) if self.instructions else ()
        choice = read_choice(self.tool_choice, self.offered)
        definitions = self.offered.definitions
        return Conversation(
            messages=(*instructions, *earlier, *messages_of(self.items(), earlier)),
            tools=tuple(definitions[name] for name in definitions if choice.allowed is None or name in choice.allowed),
            template_options=thinking_options(effort=self.reasoning.effort if self.reasoning else None),
            must_call=choice.must_call,
            tool_name=choice.name,
            parallel_calls=self.parallel_tool_calls is not False,
        )


class ResponsesRequest(InputRequest):
    """POST /v1/responses."""

    store: bool | None = None
    stream: bool | None = None
    background: bool | None = None
    max_output_tokens: Whole | None = Field(default=None, ge=1)
    max_tool_calls: Whole | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: Probability | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_logprobs: Whole | None = Field(default=None, ge=0, le=20)
    include: list[str] | None = Field(default=None, max_length=MAX_TOOLS)
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @property
    def format(self) -> TextFormat:
        return (self.text and self.text.format) or TextFormat()

    def refuse_unsupported(self) -> None:
        if self.background:
            raise InvalidRequest("Responses in the background are not supported.", param="background")
        super().refuse_unsupported()

    def options(self) -> GenerationOptions:
        form = {"text": None, "json_object": JsonForm(), "json_schema": JsonForm(self.format.json_schema)}
        sampling = GenerationParams(
            max_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            logprobs=_LOGPROBS in (self.include or ()),
        )
        return GenerationOptions(sampling, form=form[self.format.type])
