"""A model's tokenizer and chat template."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openvino_genai as genai
import tokenizers

from chat.conversation import Conversation, Message


class ChatTokenizer:
    """Renders, encodes and decodes for one model.

    Loading takes some tenths of a second and releases the GIL; the other calls take well under a millisecond and
    are made on the event loop.
    """

    def __init__(self, directory: Path) -> None:
        self._tokenizer = genai.Tokenizer(directory)
        # Its decoding costs a tenth of a call into the OpenVINO detokenizer, which matters on every token.
        file = directory / "tokenizer.json"
        self._decoder = tokenizers.Tokenizer.from_file(str(file)) if file.is_file() else None

    def render(self, conversation: Conversation) -> str:
        """The prompt text of a conversation, open for the assistant's turn. Raises ValueError with the template's
        complaint."""
        messages = [_as_template_message(message) for message in conversation.messages]
        tools = [dict(tool) for tool in conversation.tools] or None
        options = dict(conversation.template_options) or None
        try:
            return self._tokenizer.apply_chat_template(messages, True, tools=tools, extra_context=options)
        except RuntimeError as error:
            raise ValueError(str(error).strip().splitlines()[-1]) from error

    def encode(self, text: str) -> list[int]:
        """The ids of a text that already has its special tokens written out."""
        return self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special tokens are left out, bytes that are no character read U+FFFD."""
        if self._decoder is not None:
            return self._decoder.decode(ids, skip_special_tokens=True)
        return self._tokenizer.decode(list(ids))


def _as_template_message(message: Message) -> dict[str, Any]:
    rendered: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        rendered["tool_calls"] = [
            {"type": "function", "id": call.id, "function": {"name": call.name, "arguments": _object(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        rendered["tool_call_id"] = message.tool_call_id
    if message.tool_name is not None:
        rendered["name"] = message.tool_name
    return rendered


def _object(arguments: str) -> Any:
    # Templates expect the arguments as an object and write the JSON themselves.
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
