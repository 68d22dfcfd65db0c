"""Prompts to ids without holding up the event loop: what is long goes to a thread."""

import asyncio

from chat.conversation import Conversation
from chat.speech import Speech
from pools.errors import PromptTooLong
from pools.served_model import ServedModel

_QUICK_CHARACTERS = 20_000
"""Encoded on the event loop: some milliseconds."""
_QUICK_MESSAGES = 200
_CHARACTERS_A_TOKEN = 8
"""More than texts have on average."""
_TOKENS_AT_A_CUT = 8
"""By so many a text that was cut may have more tokens than the same text in one piece."""


async def rendered(speech: Speech, conversation: Conversation) -> str:
    """Raises `InvalidRequest` on a conversation that the template refuses."""
    if len(conversation.messages) <= _QUICK_MESSAGES:
        return speech.prompt(conversation)
    return await asyncio.to_thread(speech.prompt, conversation)


async def _encoded(speech: Speech, text: str) -> list[int]:
    if len(text) <= _QUICK_CHARACTERS:
        return speech.tokenizer.encode(text)
    return await asyncio.to_thread(speech.tokenizer.encode_apart, text)


async def encoded_within(speech: Speech, model: ServedModel, prompt: str, longest: int) -> list[int]:
    """The ids of a prompt. Raises `PromptTooLong` on one that is far too long."""
    await refuse_far_too_long(speech, model, prompt, longest)
    return await _encoded(speech, prompt)


async def refuse_far_too_long(speech: Speech, model: ServedModel, text: str, longest: int) -> None:
    """Read only as much of a text as shows that it has more than `longest` tokens. Raises `PromptTooLong`."""
    if len(text) <= longest * _CHARACTERS_A_TOKEN:
        return
    beginning = await _encoded(speech, text[: longest * _CHARACTERS_A_TOKEN])
    if len(beginning) > longest + _TOKENS_AT_A_CUT:
        raise too_long(model, f"more than {longest}", longest)


def too_long(model: ServedModel, tokens: str, longest: int) -> PromptTooLong:
    return PromptTooLong(
        f"The prompt has {tokens} tokens; '{model.public_id}' takes at most {longest} on {model.device.used}. "
        "Shorten the conversation or raise the model's limit in its settings.",
        param="messages",
    )
