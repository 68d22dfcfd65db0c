"""Conversations as token ids with a loss mask, exactly as the chat template renders them."""

import json
import random
from typing import Any

from tokenizers import Tokenizer

from .conversation import Conversation, Message
from .markup import END, START

Example = tuple[list[int], list[bool]]
"""Token ids, and for each whether it is the assistant's own (and so has a loss)."""
Piece = tuple[str, bool, bool]
"""Text, whether it is the assistant's own, whether it is a user's wording."""


def pieces(conversation: Conversation) -> list[Piece]:
    """The rendered conversation in order; joined, it equals what the chat template gives."""
    messages = conversation.messages
    found: list[Piece] = []
    if conversation.tools:
        own = messages[0]["content"] + "\n\n" if messages[0]["role"] == "system" else ""
        listed = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in conversation.tools)
        form = 'A call is written as\n<tool_call>\n{"name": name, "arguments": object}\n</tool_call>'
        system = f"{own}You may call these functions:\n<tools>{listed}\n</tools>\n{form}"
        found.append((f"{START}system\n{system}{END}\n", False, False))
    elif messages[0]["role"] == "system":
        found.append((f"{START}system\n{messages[0]['content']}{END}\n", False, False))
    for index, message in enumerate(messages):
        if message["role"] == "user":
            found += [(f"{START}user\n", False, False), (message["content"], False, True), (f"{END}\n", False, False)]
        elif message["role"] == "assistant":
            found += [(f"{START}assistant\n", False, False), (said(message) + END, True, False), ("\n", False, False)]
        elif message["role"] == "tool":
            found.append((_tool_response(messages, index), False, False))
    return found


def said(message: Message) -> str:
    """What the assistant itself writes: its text, then its calls."""
    parts = [message["content"]] if message.get("content") else []
    for call in message.get("tool_calls", ()):
        arguments = json.dumps(call["function"]["arguments"], ensure_ascii=False)
        parts.append(f'<tool_call>\n{{"name": "{call["function"]["name"]}", "arguments": {arguments}}}\n</tool_call>')
    return "\n".join(parts)


def _tool_response(messages: list[Message], index: int) -> str:
    first = messages[index - 1]["role"] != "tool"
    last = index + 1 == len(messages) or messages[index + 1]["role"] != "tool"
    body = f"\n<tool_response>\n{messages[index]['content']}\n</tool_response>"
    return (f"{START}user" if first else "") + body + (f"{END}\n" if last else "")


class Renderer:
    """Users' wordings are sometimes encoded with skipped merges, so that unusual ones are understood too."""

    def __init__(self, tokenizer: Tokenizer, dropping: Tokenizer, *, dropped_share: float = 0.3) -> None:
        self._tokenizer = tokenizer
        self._dropping = dropping
        self._dropped_share = dropped_share

    def example(self, conversation: Conversation, random_: random.Random) -> Example:
        ids: list[int] = []
        mask: list[bool] = []
        drop = random_.random() < self._dropped_share
        for text, own, asked in pieces(conversation):
            tokenizer = self._dropping if drop and asked else self._tokenizer
            encoded = tokenizer.encode(text, add_special_tokens=False).ids
            ids += encoded
            mask += [own] * len(encoded)
        return ids, mask


def check_against_template(conversation: Conversation, tokenizer: Any) -> None:
    """Raises when the own rendering and the chat template differ."""
    wanted = tokenizer.apply_chat_template(
        conversation.messages, tools=conversation.tools or None, tokenize=False, add_generation_prompt=False
    )
    rendered = "".join(text for text, _, _ in pieces(conversation))
    if rendered != wanted:
        raise ValueError(f"rendered differently:\n{rendered}\n--- template:\n{wanted}")
