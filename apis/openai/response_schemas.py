"""What clients send to /v1/responses. Unknown fields are ignored, null means absent."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from apis.openai.schemas import FunctionDefinition, Probability
from chat.conversation import Conversation, GenerationOptions, Message, ToolCall
from chat.grammars.forms import JsonForm
from chat.reasoning import thinking_options
from web.bodies import MAX_MESSAGES
from web.errors import InvalidRequest


class InputPart(BaseModel):
    type: str
    text: str | None = None


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


class ResponsesRequest(BaseModel):
    """POST /v1/responses."""

    model: str
    input: str | Annotated[list[InputItem], Field(max_length=MAX_MESSAGES)]
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    stream: bool | None = None
    background: bool | None = None
    tools: list[ResponseTool] | None = None
    tool_choice: Literal["auto", "none", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: Probability | None = None
    text: TextSettings | None = None
    reasoning: ReasoningSettings | None = None
    metadata: dict[str, str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None

    @property
    def format(self) -> TextFormat:
        return (self.text and self.text.format) or TextFormat()

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        if self.background:
            raise InvalidRequest("Responses in the background are not supported.", param="background")
        for tool in self.tools or ():
            if tool.type != "function" or not tool.name:
                raise InvalidRequest(f"Tools of type '{tool.type}' do not exist here; give functions.", param="tools")
        if self.tool_choice not in (None, "auto", "none") and not self.tools:
            raise InvalidRequest("tool_choice asks for a tool, but there are no tools.", param="tool_choice")

    def items(self) -> list[InputItem]:
        if isinstance(self.input, str):
            return [InputItem(role="user", content=self.input)]
        return self.input

    def conversation(self, earlier: tuple[Message, ...]) -> Conversation:
        """After the `earlier` messages of the response that this one continues. Raises `InvalidRequest`."""
        instructions = (Message("system", self.instructions),) if self.instructions else ()
        choice = self.tool_choice
        offered = () if choice == "none" else self.tools or ()
        named = choice.name if isinstance(choice, ToolChoice) else None
        return Conversation(
            messages=(*instructions, *earlier, *messages_of(self.items(), earlier)),
            tools=tuple({"type": "function", "function": _definition(tool)} for tool in offered),
            template_options=thinking_options(effort=self.reasoning.effort if self.reasoning else None),
            must_call=choice == "required" or named is not None,
            tool_name=named,
            parallel_calls=self.parallel_tool_calls is not False,
        )

    def options(self) -> GenerationOptions:
        form = {"text": None, "json_object": JsonForm(), "json_schema": JsonForm(self.format.json_schema)}
        return GenerationOptions(
            max_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            form=form[self.format.type],
            stream_calls=bool(self.stream),
        )


def messages_of(items: list[InputItem], earlier: tuple[Message, ...] = ()) -> tuple[Message, ...]:
    """Items as messages: neighbouring calls, and the text before them, are one turn. Raises `InvalidRequest`."""
    called = {call.id: call.name for message in earlier for call in message.tool_calls}
    messages: list[Message] = []
    for index, item in enumerate(items):
        where = f"input[{index}]"
        if item.type == "message":
            role = "system" if item.role == "developer" else item.role or "user"
            messages.append(Message(role, _text(item.content, where)))
        elif item.type == "function_call":
            call = ToolCall(item.call_id or "", item.name or "", item.arguments or "{}")
            called[call.id] = call.name
            before = messages.pop() if messages and messages[-1].role == "assistant" else Message("assistant", "")
            messages.append(Message("assistant", before.content, (*before.tool_calls, call)))
        elif item.type == "function_call_output":
            name = called.get(item.call_id or "")
            text = _text(item.output, where)
            messages.append(Message("tool", text, tool_call_id=item.call_id, tool_name=name))
        elif item.type != "reasoning":  # what was thought in earlier turns is not shown again
            raise InvalidRequest(f"Input items of type '{item.type}' are not supported.", param=where)
    return tuple(messages)


def _text(content: str | list[InputPart] | None, where: str) -> str:
    if not isinstance(content, list):
        return content or ""
    for part in content:
        if part.type not in ("input_text", "output_text", "text", "refusal"):
            raise InvalidRequest(f"This model takes text only, not '{part.type}' parts.", param=where)
    return "".join(part.text or "" for part in content)


def _definition(tool: ResponseTool) -> dict[str, Any]:
    return tool.model_dump(exclude={"type"}, exclude_none=True)
