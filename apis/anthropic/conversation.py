"""Anthropic's messages and blocks as a conversation."""

import json
import re
from collections.abc import Sequence
from typing import Any

from apis.anthropic.schemas import (
    AnthropicTool,
    DocumentBlock,
    ImageBlock,
    InputMessage,
    PromptRequest,
    TextBlock,
    ThinkingBlock,
    ToolReferenceBlock,
    ToolResultBlock,
    ToolSearchResultBlock,
    ToolUseBlock,
    UnsupportedBlock,
)
from apis.content_parts import unsupported_part
from chat.conversation import Conversation, Message, ToolCall
from chat.pictures import Picture, picture_of_base64, text_of
from chat.reasoning import thinking_options
from web.errors import InvalidRequest

# Claude Code puts a line with a fresh checksum before its system prompt; kept, no two turns would share a prefix.
_SEARCH = "tool_search_tool"
_BILLING_LINE = re.compile(r"^x-anthropic-billing-header:[^\n]*\n*", re.MULTILINE | re.IGNORECASE)


def conversation_of(request: PromptRequest) -> Conversation:
    """Raises `InvalidRequest` on what the models here cannot take."""
    thinks = request.thinking is not None and request.thinking.type != "disabled"
    continued = request.messages[-1].role == "assistant"
    system = _system_text(request.system)
    messages = [Message("system", system)] if system else []
    called: dict[str, str] = {}
    for index, message in enumerate(request.messages):
        messages += _Turn(message, f"messages[{index}].content", called).messages()
    if continued:
        _check_beginning(messages[-1], thinks=thinks)
    choice = request.tool_choice
    return Conversation(
        tuple(messages),
        tuple(_tools(request)),
        # Here a model thinks only when it is asked to, whatever its template does by itself.
        thinking_options(enabled=thinks, effort=request.output_config.effort if request.output_config else None),
        must_call=choice is not None and choice.type in ("any", "tool"),
        tool_name=choice.name if choice and choice.type == "tool" else None,
        parallel_calls=not (choice and choice.disable_parallel_tool_use),
        continued=continued,
    )


def _check_beginning(beginning: Message, *, thinks: bool) -> None:
    """Of the beginning of an answer that a client gives. Raises `InvalidRequest`."""
    if beginning.tool_calls or beginning.role != "assistant":
        raise InvalidRequest("An answer to continue must begin with text, not with tool calls.", param="messages")
    if thinks:
        raise InvalidRequest("With thinking enabled, the last message must be the user's.", param="messages")
    if not beginning.content or beginning.content != beginning.content.rstrip():
        raise InvalidRequest("The beginning of an answer must not be empty or end with white space.", param="messages")


def _system_text(system: str | list[TextBlock] | None) -> str:
    texts = [system] if isinstance(system, str) else [block.text for block in system or ()]
    stripped = (_BILLING_LINE.sub("", text) for text in texts)
    return "\n\n".join(text for text in stripped if text)


class _Turn:
    """One message of theirs, which can be several of ours: each tool result is a message of its own.

    `called` maps the ids of the calls made so far to their functions' names.
    """

    def __init__(self, message: InputMessage, where: str, called: dict[str, str]) -> None:
        self._message = message
        self._where = where
        self._called = called
        self._pieces: list[str | Picture] = []
        self._thoughts: list[str] = []
        self._calls: list[ToolCall] = []
        self._done: list[Message] = []

    def messages(self) -> list[Message]:
        content = self._message.content
        if isinstance(content, str):
            return [Message(self._message.role, content)]
        for block in content:
            if isinstance(block, ToolUseBlock):
                self._called[block.id] = block.name
                self._calls.append(ToolCall(block.id, block.name, json.dumps(block.input, ensure_ascii=False)))
            elif isinstance(block, ToolResultBlock):
                self._flush()
                self._done.append(self._result(block))
            elif isinstance(block, TextBlock | ImageBlock | DocumentBlock):
                self._pieces.append(_piece(block, self._where))
            elif isinstance(block, UnsupportedBlock):
                raise unsupported_part(block.type, "text and image blocks", self._where)
            elif isinstance(block, ThinkingBlock):
                self._thoughts.append(block.thinking)  # the template decides which of them the model sees again
        self._flush()
        return self._done

    def _flush(self) -> None:
        if self._pieces or self._calls:
            text, pictures = _joined(self._pieces)
            thoughts = "\n\n".join(self._thoughts)
            role, calls = self._message.role, tuple(self._calls)
            self._done.append(Message(role, text, calls, reasoning=thoughts, pictures=pictures))
            self._pieces, self._calls, self._thoughts = [], [], []

    def _result(self, block: ToolResultBlock) -> Message:
        content = block.content or ""
        pieces = [content] if isinstance(content, str) else [_piece(part, self._where) for part in content]
        text, pictures = _joined(pieces)
        if block.is_error:
            text = f"Error: {text}"
        name = self._called.get(block.tool_use_id)
        return Message("tool", text, tool_call_id=block.tool_use_id, tool_name=name, pictures=pictures)


def _joined(pieces: Sequence[str | Picture]) -> tuple[str, tuple[Picture, ...]]:
    """Texts are paragraphs; a picture stands right before what follows it."""
    spaced = [
        f"{piece}\n\n" if isinstance(piece, str) and index < len(pieces) - 1 else piece
        for index, piece in enumerate(pieces)
    ]
    return text_of(spaced), tuple(piece for piece in pieces if isinstance(piece, Picture))


def _piece(block: TextBlock | ImageBlock | DocumentBlock | ToolReferenceBlock, where: str) -> str | Picture:
    if isinstance(block, TextBlock):
        return block.text
    if isinstance(block, ToolReferenceBlock):
        return f"The tool '{block.tool_name}' can be called now."
    source = block.source
    if isinstance(block, ImageBlock) and source.type == "url" and source.url:
        return Picture(source.url, where)
    if isinstance(block, ImageBlock) and source.type == "base64" and source.data:
        return picture_of_base64(source.data, where)
    if isinstance(block, DocumentBlock) and source.type == "text":
        return source.data or ""
    raise InvalidRequest(f"'{block.type}' blocks with a source of type '{source.type}' do not work here.", param=where)


def _tools(request: PromptRequest) -> list[dict[str, Any]]:
    choice = request.tool_choice
    tools = [] if choice and choice.type == "none" else [_function(tool) for tool in _loaded(request)]
    if choice and choice.type in ("any", "tool") and not tools:
        raise InvalidRequest("tool_choice asks for a tool, but there are no tools.", param="tool_choice")
    if choice and choice.type == "tool" and choice.name is None:
        raise InvalidRequest('tool_choice of type "tool" needs a name.', param="tool_choice")
    return tools


def _loaded(request: PromptRequest) -> list[AnthropicTool]:
    """Without those that are deferred until a search has found them. The searches that Anthropic runs do not exist
    here: where a client relies on one, all are offered from the beginning."""
    tools = [tool for tool in request.tools or () if not (tool.type or "").startswith(_SEARCH)]
    if len(tools) < len(request.tools or ()) or all(tool.defer_loading for tool in tools):
        return tools
    named = {request.tool_choice.name} if request.tool_choice else set[str | None]()
    wanted = named | _found(request.messages)
    return [tool for tool in tools if not tool.defer_loading or tool.name in wanted]


def _found(messages: Sequence[InputMessage]) -> set[str | None]:
    """The tools that searches in a conversation have found."""
    found: set[str | None] = set()
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, ToolSearchResultBlock):
                found |= {reference.tool_name for reference in block.content.tool_references}
            elif isinstance(block, ToolResultBlock) and isinstance(block.content, list):
                found |= {part.tool_name for part in block.content if isinstance(part, ToolReferenceBlock)}
    return found


def _function(tool: AnthropicTool) -> dict[str, Any]:
    if tool.input_schema is None:
        raise InvalidRequest(
            f"The tool '{tool.name}' has no input_schema; tools that Anthropic runs are not supported.",
            param="tools",
        )
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": {**function, "parameters": tool.input_schema}}
