"""What Ollama's clients send. Unknown fields and unknown options are ignored."""

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from apis.bounds import MAX_MESSAGES, MAX_TOOLS, Stops
from apis.numbers import TopK, Whole, top_k_of
from apis.ollama.durations import keep_alive_seconds
from apis.token_ids import TokenIds
from chat.conversation import Conversation, GenerationOptions, Message, ToolCall
from chat.grammars.forms import AnswerForm, JsonForm
from chat.pictures import Picture, picture_of_base64, text_of
from chat.reasoning import thinking_options
from instances.protocol import GenerationParams
from web.errors import InvalidRequest


class Options(BaseModel):
    seed: Whole | None = None
    num_predict: Whole | None = None
    top_k: TopK | None = None
    top_p: float | None = Field(default=None, ge=0, le=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    temperature: float | None = Field(default=None, ge=0)
    repeat_penalty: float | None = Field(default=None, gt=0)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: Stops | None = None

    def sampling(self, *, logprobs: bool = False) -> GenerationParams:
        return GenerationParams(
            max_tokens=self.num_predict if self.num_predict is not None and self.num_predict > 0 else None,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=top_k_of(self.top_k),
            min_p=self.min_p,
            repetition_penalty=self.repeat_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            seed=self.seed if self.seed is not None and self.seed >= 0 else None,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            logprobs=logprobs,
        )


class CommonRequest(BaseModel):
    """What /api/chat and /api/generate share."""

    model: str = Field(min_length=1)
    stream: bool | None = None
    format: str | dict[str, Any] | None = None
    options: Options | None = None
    think: bool | str | None = None
    keep_alive: float | str | None = None
    logprobs: bool | None = None
    top_logprobs: Whole | None = None

    @property
    def keep_alive_seconds(self) -> float | None:
        return keep_alive_seconds(self.keep_alive)

    def generation_options(self) -> GenerationOptions:
        sampling = (self.options or Options()).sampling(logprobs=bool(self.logprobs))
        return GenerationOptions(sampling, keep_alive=self.keep_alive_seconds, form=self.form())

    def form(self) -> AnswerForm | None:
        """ "json" is any JSON object, an object is a schema; empty is absent. Raises `InvalidRequest`."""
        if not self.format:
            return None
        if isinstance(self.format, str) and self.format != "json":
            raise InvalidRequest('invalid format: expected "json" or a JSON schema', param="format")
        return JsonForm(self.format if isinstance(self.format, dict) else None)

    def template_options(self) -> dict[str, Any]:
        effort = self.think if isinstance(self.think, str) and self.think else None
        return {} if self.think is None else thinking_options(enabled=bool(self.think), effort=effort)

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        if self.top_logprobs is not None and not 0 <= self.top_logprobs <= 20:
            raise InvalidRequest("top_logprobs must be between 0 and 20", param="top_logprobs")
        if isinstance(self.think, str) and self.think not in ("low", "medium", "high", "max"):
            raise InvalidRequest(
                'invalid think value: it is true, false, "low", "medium", "high" or "max"', param="think"
            )


class OllamaFunctionCall(BaseModel):
    name: str
    arguments: dict[str, Any] = {}


class OllamaMessageToolCall(BaseModel):
    id: str | None = None
    function: OllamaFunctionCall


class OllamaChatMessage(BaseModel):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[OllamaMessageToolCall] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_name: str | None = None
    tool_call_id: str | None = None

    def meaning(self) -> Message:
        pictures = _pictures(self.images)
        calls = tuple(
            ToolCall(call.id or "", call.function.name, json.dumps(call.function.arguments, ensure_ascii=False))
            for call in self.tool_calls or ()
        )
        return Message(
            self.role,
            text_of([*pictures, self.content or ""]),
            calls,
            reasoning=self.thinking or "",
            tool_call_id=self.tool_call_id,
            tool_name=self.tool_name,
            pictures=pictures,
        )


class OllamaChatRequest(CommonRequest):
    """POST /api/chat. Without messages it only loads (or unloads) the model."""

    messages: list[OllamaChatMessage] = Field(default=[], max_length=MAX_MESSAGES)
    tools: list[dict[str, Any]] | None = Field(default=None, max_length=MAX_TOOLS)

    def conversation(self) -> Conversation:
        messages = tuple(message.meaning() for message in self.messages)
        return Conversation(messages, tuple(self.tools or ()), self.template_options())


class GenerateRequest(CommonRequest):
    """POST /api/generate. Without a prompt it only loads (or unloads) the model."""

    prompt: str = ""
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: TokenIds | None = None
    raw: bool | None = None
    images: list[str] | None = None

    def conversation(self) -> Conversation:
        system = (Message("system", self.system),) if self.system else ()
        pictures = _pictures(self.images)
        question = Message("user", text_of([*pictures, self.prompt]), pictures=pictures)
        return Conversation((*system, question), template_options=self.template_options())

    def refuse_unsupported(self) -> None:
        super().refuse_unsupported()
        if self.raw and (self.template or self.system or self.context):
            raise InvalidRequest("raw mode does not support template, system, or context")
        if self.raw and self.images:
            raise InvalidRequest("raw mode does not support images", param="images")
        for field in ("suffix", "template"):
            if getattr(self, field):
                raise InvalidRequest(f"'{field}' is not supported by this model.", param=field)


def _pictures(images: list[str] | None) -> tuple[Picture, ...]:
    """They stand before the text of their message."""
    return tuple(picture_of_base64(image, "images") for image in images or ())
