"""Prompts to ids without holding up the event loop: what is long goes to a thread."""

import asyncio

from chat.adapter import ChatAdapter
from chat.conversation import Conversation
from pools.prompt_limit import PromptLimit

_QUICK_CHARACTERS = 20_000
"""Encoded on the event loop: some milliseconds."""
_QUICK_MESSAGES = 200
_CHARACTERS_A_TOKEN = 8
"""More than texts have on average."""
_TOKENS_AT_A_CUT = 8
"""By so many a text that was cut may have more tokens than the same text in one piece."""


async def rendered(adapter: ChatAdapter, conversation: Conversation) -> str:
    """Raises `InvalidRequest` on a conversation that the template refuses."""
    if len(conversation.messages) <= _QUICK_MESSAGES:
        return adapter.prompt(conversation)
    return await asyncio.to_thread(adapter.prompt, conversation)


async def _encoded(adapter: ChatAdapter, text: str) -> list[int]:
    if len(text) <= _QUICK_CHARACTERS:
        return adapter.tokenizer.encode(text)
    return await asyncio.to_thread(adapter.tokenizer.encode_apart, text)


async def encoded_within(
    adapter: ChatAdapter, prompt: str, limit: PromptLimit, *, param: str = "messages"
) -> list[int]:
    """The ids of a prompt. Raises `PromptTooLong` on one that is far too long."""
    await refuse_far_too_long(adapter, prompt, limit, param=param)
    return await _encoded(adapter, prompt)


async def refuse_far_too_long(adapter: ChatAdapter, text: str, limit: PromptLimit, *, param: str = "messages") -> None:
    """Read only as much of a text as shows that it has too many tokens. Raises `PromptTooLong`."""
    read = limit.longest * _CHARACTERS_A_TOKEN
    if len(text) <= read:
        return
    least = len(await _encoded(adapter, text[:read])) - _TOKENS_AT_A_CUT
    if least > limit.longest:
        raise limit.exceeded(max(least, limit.context + 1), param=param, counted=False)
