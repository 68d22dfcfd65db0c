"""What a model's assignment or an alias of it adds to a request."""

from dataclasses import fields, replace

from chat.conversation import Conversation, GenerationOptions, Message
from pools.served_model import ModelDefaults

_NOT_PARAMETERS = {"keep_alive", "form", "logprobs", "ignore_eos"}
PARAMETERS = frozenset(each.name for each in fields(GenerationOptions)) - _NOT_PARAMETERS


def with_system(model_defaults: ModelDefaults, conversation: Conversation) -> Conversation:
    """The conversation with the persona's system prompt, unless it has one of its own."""
    if not model_defaults.system or any(message.role == "system" for message in conversation.messages):
        return conversation
    return replace(conversation, messages=(Message("system", model_defaults.system), *conversation.messages))


def with_defaults(model_defaults: ModelDefaults, options: GenerationOptions) -> GenerationOptions:
    """The options with the persona's values where the request leaves them open."""
    defaults = {
        name: tuple(value) if name == "stop" else value
        for name, value in model_defaults.parameters.items()
        if name in PARAMETERS and getattr(options, name) in (None, ())
    }
    return replace(options, **defaults)
