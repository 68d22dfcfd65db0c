"""A conversation with a model on this device: from the request's meaning to a stream of deltas."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from chat.answer import AnswerText, Delta
from chat.conversation import Conversation, GenerationOptions
from chat.sections import HERMES_TOOL_CALL, REASONING, Tag
from chat.tokenizer import ChatTokenizer
from instances.messages import Sampling
from model_manager import ModelManager
from pools.errors import PromptTooLong
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import InvalidRequest

FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass
class Completion:
    """An answer under way. Iterate `deltas` once; `finish_reason` and `timings` are complete after it."""

    model: ServedModel
    prompt_ids: list[int]
    timings: Timings
    deltas: AsyncGenerator[Delta, None] = field(init=False)
    generated_ids: list[int] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    stop_string: str | None = None


class ChatService:
    """What every API calls. One tokenizer a model, loaded when the model is first asked."""

    def __init__(
        self, manager: ModelManager, *, load_tokenizer: Callable[[Path], ChatTokenizer] = ChatTokenizer
    ) -> None:
        self._manager = manager
        self._load_tokenizer = load_tokenizer
        self._tokenizers: dict[str, asyncio.Task[ChatTokenizer]] = {}

    async def chat(
        self,
        model: ServedModel,
        conversation: Conversation,
        options: GenerationOptions,
        *,
        preceding_ids: Sequence[int] = (),
    ) -> Completion:
        """Answer a conversation, put after `preceding_ids`. Raises `InvalidRequest` on one the template refuses and
        `PromptTooLong`."""
        tokenizer = await self.tokenizer(model)
        prompt = _render(tokenizer, conversation)
        tags = [REASONING, HERMES_TOOL_CALL] if conversation.tools else [REASONING]
        opened = REASONING if prompt.rstrip().endswith(REASONING.open) else None
        prompt_ids = [*preceding_ids, *tokenizer.encode(prompt)]
        return self._complete(model, tokenizer, prompt_ids, options, tags, opened)

    async def complete(self, model: ServedModel, prompt: str, options: GenerationOptions) -> Completion:
        """Continue a text as it stands, without a chat template. Raises `PromptTooLong`."""
        tokenizer = await self.tokenizer(model)
        prompt_ids = tokenizer.encode(prompt)
        if not prompt_ids:
            raise InvalidRequest("The prompt is empty.", param="prompt")
        return self._complete(model, tokenizer, prompt_ids, options, [], None)

    async def count_tokens(self, model: ServedModel, conversation: Conversation) -> int:
        """The length of a conversation's prompt. Raises `InvalidRequest` on one the template refuses."""
        tokenizer = await self.tokenizer(model)
        return len(tokenizer.encode(_render(tokenizer, conversation)))

    async def tokenizer(self, model: ServedModel) -> ChatTokenizer:
        """Raises `InvalidRequest` on a model that does not generate."""
        model.require("generation")
        task = self._tokenizers.get(model.id)
        if task is None or (task.done() and task.exception()):
            task = asyncio.create_task(asyncio.to_thread(self._load_tokenizer, model.directory))
            self._tokenizers[model.id] = task
        try:
            return await asyncio.shield(task)
        except RuntimeError as error:
            raise InvalidRequest(f"The tokenizer of '{model.public_id}' could not be loaded: {error}") from error

    def _complete(
        self,
        model: ServedModel,
        tokenizer: ChatTokenizer,
        prompt_ids: list[int],
        options: GenerationOptions,
        tags: Sequence[Tag],
        opened: Tag | None,
    ) -> Completion:
        sampling = self._sampling(model, len(prompt_ids), options)
        completion = Completion(model, prompt_ids, Timings(self._manager.clock()))
        answer = AnswerText(tokenizer.decode, stop=options.stop, tags=tags, opened=opened)
        if options.keep_alive is not None:
            self._manager.pool(model.id).keep_alive = options.keep_alive
        completion.deltas = self._deltas(completion, sampling, answer)
        return completion

    async def _deltas(
        self, completion: Completion, sampling: Sampling, answer: AnswerText
    ) -> AsyncGenerator[Delta, None]:
        called = False
        outputs = self._manager.generate(completion.model.id, completion.prompt_ids, sampling, completion.timings)
        async with aclosing(outputs):
            async for output in outputs:
                completion.generated_ids += output.tokens
                for delta in answer.push(output.tokens):
                    called = called or delta.tool_call is not None
                    yield delta
                if answer.stopped:
                    completion.stop_string = answer.stop_string
                    break
                if output.finish == "length":
                    completion.finish_reason = "length"
        for delta in answer.finish():
            called = called or delta.tool_call is not None
            yield delta
        if called and completion.finish_reason == "stop":
            completion.finish_reason = "tool_calls"

    def _sampling(self, model: ServedModel, prompt_tokens: int, options: GenerationOptions) -> Sampling:
        limit = self._manager.max_request_tokens(model.id)
        longest_prompt = min(model.max_prompt_tokens or limit - 1, limit - 1)
        if prompt_tokens > longest_prompt:
            raise PromptTooLong(
                f"The prompt has {prompt_tokens} tokens; '{model.public_id}' takes at most {longest_prompt} on "
                f"{model.device.used}. Shorten the conversation or raise the model's limit in its settings.",
                param="messages",
            )
        room = limit - prompt_tokens
        return Sampling(
            max_new_tokens=min(options.max_tokens or room, room),
            seed=options.seed if options.seed is not None else secrets.randbits(31),
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            min_p=options.min_p,
            repetition_penalty=options.repetition_penalty,
            presence_penalty=options.presence_penalty,
            frequency_penalty=options.frequency_penalty,
        )


def _render(tokenizer: ChatTokenizer, conversation: Conversation) -> str:
    try:
        return tokenizer.render(conversation)
    except ValueError as error:
        raise InvalidRequest(f"The model's chat template refused the messages: {error}", param="messages") from error
