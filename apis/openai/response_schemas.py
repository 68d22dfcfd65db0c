"""What clients send to /v1/responses. Unknown fields are ignored, null means absent."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from apis.bounds import MAX_MESSAGES, MAX_TOOLS
from apis.openai.generation_schemas import Probability
from apis.openai.schemas import FunctionDefinition
from chat.conversation import Conversation, GenerationOptions, Message, ToolCall
from chat.grammars.forms import JsonForm
from chat.pictures import Picture, text_of
from chat.reasoning import thinking_options
from web.errors import InvalidRequest


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
        raise InvalidRequest(
            f"'{self.type}' parts are not supported: give input_text, and input_image with an image_url.", param=where
        )


class InputItem(BaseModel):
    """A message, a call that the model made, or a call's result; `type` may be left out of a message."""

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[InputPart] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[InputPart] | None = None
    summary: list[InputPart] | None = None

    def thoughts(self) -> str:
        """Of a reasoning item: what was thought, else the summary of it."""
        parts = (self.content if isinstance(self.content, list) else None) or self.summary or ()
        return "\n\n".join(part.text or "" for part in parts)


class ResponseTool(FunctionDefinition):
    name: str = ""
    type: str


class TextFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextSettings(BaseModel):
    format: TextFormat | None = None


class ReasoningSettings(BaseModel):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: str | None = None


class ToolChoice(BaseModel):
    type: Literal["function"]
    name: str


class InputRequest(BaseModel):
    """POST /v1/responses/input_tokens, and the part of a request that makes up its prompt."""

    model: str
    input: str | Annotated[list[InputItem], Field(max_length=MAX_MESSAGES)]
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[ResponseTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: Literal["auto", "none", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextSettings | None = None
    reasoning: ReasoningSettings | None = None
    truncation: Literal["auto", "disabled"] | None = None

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        if self.tools and not self.functions:
            kind = self.tools[0].type
            raise InvalidRequest(f"Tools of type '{kind}' do not exist here; give functions.", param="tools")
        if self.tool_choice not in (None, "auto", "none") and not self.tools:
            raise InvalidRequest("tool_choice asks for a tool, but there are no tools.", param="tool_choice")

    @property
    def functions(self) -> list[ResponseTool]:
        """Without the tools of other kinds, which agents such as Codex send beside them: the model cannot use those."""
        return [tool for tool in self.tools or () if tool.type == "function" and tool.name]

    def items(self) -> list[InputItem]:
        if isinstance(self.input, str):
            return [InputItem(role="user", content=self.input)]
        return self.input

    def conversation(self, earlier: tuple[Message, ...]) -> Conversation:
        """After the `earlier` messages of the response that this one continues. Raises `InvalidRequest`."""
        instructions = (Message("system", self.instructions),) if self.instructions else ()
        choice = self.tool_choice
        offered = () if choice == "none" else self.functions
        named = choice.name if isinstance(choice, ToolChoice) else None
        return Conversation(
            messages=(*instructions, *earlier, *messages_of(self.items(), earlier)),
            tools=tuple({"type": "function", "function": _definition(tool)} for tool in offered),
            template_options=thinking_options(effort=self.reasoning.effort if self.reasoning else None),
            must_call=choice == "required" or named is not None,
            tool_name=named,
            parallel_calls=self.parallel_tool_calls is not False,
        )


class ResponsesRequest(InputRequest):
    """POST /v1/responses."""

    store: bool | None = None
    stream: bool | None = None
    background: bool | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: Probability | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None

    @property
    def format(self) -> TextFormat:
        return (self.text and self.text.format) or TextFormat()

    def refuse_unsupported(self) -> None:
        if self.background:
            raise InvalidRequest("Responses in the background are not supported.", param="background")
        super().refuse_unsupported()

    def options(self) -> GenerationOptions:
        form = {"text": None, "json_object": JsonForm(), "json_schema": JsonForm(self.format.json_schema)}
        return GenerationOptions(
            max_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            form=form[self.format.type],
        )


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
        if item.type == "message":
            role = "system" if item.role == "developer" else item.role or "user"
            text, pictures = _read(item.content, where)
            reasoning = thoughts if role == "assistant" else ""
            messages.append(Message(role, text, reasoning=reasoning, pictures=pictures))
        elif item.type == "function_call":
            call = ToolCall(item.call_id or "", item.name or "", item.arguments or "{}")
            called[call.id] = call.name
            joins = messages and messages[-1].role == "assistant" and not thoughts
            turn = messages.pop() if joins else Message("assistant", "", reasoning=thoughts)
            messages.append(replace(turn, tool_calls=(*turn.tool_calls, call)))
        elif item.type == "function_call_output":
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


def _definition(tool: ResponseTool) -> dict[str, Any]:
    return tool.model_dump(exclude={"type"}, exclude_none=True)
