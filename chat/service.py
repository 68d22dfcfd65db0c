"""A conversation with a model on this device: from the request's meaning to a stream of deltas."""

import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import msgspec

from activity.request_log import note_answer, note_prompt, note_work, observed
from chat.adapter import ChatAdapter, offered_tools
from chat.adapters import ChatAdapters
from chat.answer import AnswerText, Delta, TokenPieces
from chat.completion import Completion
from chat.conversation import Conversation, GenerationOptions
from chat.deltas import TokenLogprob
from chat.encoding import encoded_within, refuse_far_too_long, rendered
from chat.grammars.json_schema import SchemaError
from chat.grammars.structure import ReasoningPrefix, form_structure
from chat.pictures import PictureLoader, Prompt, place, prompt_with_images
from chat.reasoning import THINK, Reasoning
from chat.sections import SectionParser
from chat.tokenizer import ChatTokenizer
from instances.grammar_probe import GrammarProbe, GrammarRefused, ProbeNotReady
from instances.protocol import GenerationParams, MultimodalPrompt, Structure
from model_manager import ModelManager
from pools.errors import NotReady
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import InvalidRequest
from web.request_id import current_client

logger = logging.getLogger(__name__)

_SEEDS = 2**63 - 1  # as a mask: clients send numbers of any size and sign
_MOST_TOP_K = 2**31 - 1
_NO_REASONING = ReasoningPrefix(Reasoning(THINK), opened=False, possible=False)


class ChatService:
    """What every API calls. One tokenizer a model, loaded when the model is first asked."""

    def __init__(
        self,
        manager: ModelManager,
        *,
        load_tokenizer: Callable[[Path], ChatTokenizer] = ChatTokenizer,
        probe: GrammarProbe | None = None,
        pictures: PictureLoader | None = None,
    ) -> None:
        self._manager = manager
        self._pictures = pictures or PictureLoader()
        self._speeches = ChatAdapters(load_tokenizer)
        self._probe = probe or GrammarProbe()

    async def close(self) -> None:
        """End what helps here beside the models."""
        await self._probe.close()

    async def chat(
        self,
        model: ServedModel,
        conversation: Conversation,
        options: GenerationOptions,
        *,
        preceding_ids: Sequence[int] = (),
    ) -> Completion:
        """Answer a conversation, put after `preceding_ids`. Raises `InvalidRequest` on one the template refuses and
        on a form that no grammar can express, and `PromptTooLong`."""
        note_prompt(conversation.messages[-1].content if conversation.messages else "")
        model.require_chat()
        adapter = await self._speeches.adapter(model)
        _check_ids(adapter, preceding_ids, param="context")
        conversation = conversation.with_system(model.model_defaults.system)
        options = replace(options, sampling=options.sampling.over(model.model_defaults.sampling))
        tools = offered_tools(conversation.tools)
        if conversation.tool_name is not None and conversation.tool_name not in tools:
            raise InvalidRequest(f"There is no tool '{conversation.tool_name}' to call.", param="tool_choice")
        prompt = await self._prompt(model, adapter, conversation, preceding_ids)
        sampling = self._sampling(model, prompt.tokens, options)
        reasoning_prefix = adapter.reasoning_prefix(prompt.text, conversation)
        structure = adapter.structure(conversation, tools, options, reasoning_prefix)
        optional = bool(tools) and not _constrained(conversation, options)
        sampling = await self._bound(model, sampling, structure, optional=optional)
        parser = adapter.parser(reasoning_prefix, tools, eager=sampling.structure is not None)
        pieces = adapter.pieces() if options.sampling.logprobs else None
        answer = AnswerText(
            adapter.decoder(), parser, stop=options.sampling.stop, pieces=pieces, demanded=conversation.must_call
        )
        return self._complete(model, prompt, options, sampling, answer)

    async def complete(self, model: ServedModel, prompt: str | Sequence[int], options: GenerationOptions) -> Completion:
        """Continue a text, or its ids, as it stands, without a chat template. Raises `PromptTooLong`, and
        `InvalidRequest` on a form that no grammar can express."""
        note_prompt(prompt if isinstance(prompt, str) else "")
        adapter = await self._speeches.adapter(model)
        if isinstance(prompt, str):
            limit = self._manager.prompt_limit(model)
            prompt_ids = await encoded_within(adapter, prompt, limit, param="prompt")
        else:
            _check_ids(adapter, prompt, param="prompt")
            prompt_ids = list(prompt)
        if not prompt_ids:
            raise InvalidRequest("The prompt is empty.", param="prompt")
        whole = Prompt("", prompt_ids)
        if model.facts.vision:
            text = prompt if isinstance(prompt, str) else adapter.tokenizer.decode(prompt)
            whole = prompt_with_images(text, prompt_ids, [], None)
        sampling = self._sampling(model, whole.tokens, options, param="prompt")
        try:
            structure = form_structure(options.form, _NO_REASONING) if options.form else None
        except SchemaError as error:
            raise InvalidRequest(f"The requested form cannot be used: {error}.", param="response_format") from error
        sampling = await self._bound(model, sampling, structure, optional=False)
        # All tokens count here, the one that ends the answer too: clients count them from the end.
        pieces = TokenPieces(adapter.tokenizer.written) if options.sampling.logprobs else None
        answer = AnswerText(adapter.tokenizer.decoder(), SectionParser(), stop=options.sampling.stop, pieces=pieces)
        return self._complete(model, whole, options, sampling, answer)

    async def score(self, model: ServedModel, ids: Sequence[int], *, top: int) -> list[TokenLogprob]:
        """How likely each token of a prompt is, and the `top` likeliest in its place. Raises `InvalidRequest` on a
        model that cannot be asked."""
        adapter = await self._speeches.adapter(model)
        timings = Timings(self._manager.clock())
        note_work(timings)
        scores = await self._manager.score_prompt(model.id, list(ids), timings, top=top, client=current_client())
        written = adapter.tokenizer.written
        return [
            TokenLogprob(written(each.token), each.logprob, tuple((written(token), value) for token, value in each.top))
            for each in scores
        ]

    async def count_tokens(self, model: ServedModel, conversation: Conversation) -> int:
        """The length of a conversation's prompt; what images will take is only estimated. Raises `InvalidRequest` on
        one the template refuses."""
        adapter = await self._speeches.adapter(model)
        return (await self._prompt(model, adapter, conversation.with_system(model.model_defaults.system))).tokens

    async def _prompt(
        self, model: ServedModel, adapter: ChatAdapter, conversation: Conversation, preceding_ids: Sequence[int] = ()
    ) -> Prompt:
        pictures = conversation.pictures
        if pictures and not model.facts.vision:
            raise InvalidRequest(
                f"'{model.public_id}' takes text only; images and videos need a vision-language model.",
                param=pictures[0].where,
            )
        if not model.facts.video and (videos := [picture for picture in pictures if picture.video]):
            raise InvalidRequest(
                f"'{model.public_id}' takes images but no videos: send frames of the video as images.",
                param=videos[0].where,
            )
        limit = self._manager.prompt_limit(model)
        for message in conversation.messages:
            if message.role != "assistant":  # of whose turns templates may leave something out
                await refuse_far_too_long(adapter, message.content, limit)
        text = await rendered(adapter, conversation)
        if not model.facts.vision:
            return Prompt(text, [*preceding_ids, *await encoded_within(adapter, text, limit)])
        text, shown = place(adapter.tokenizer.decode(preceding_ids) + text, pictures)
        seen = await self._pictures.load(shown)
        kind = adapter.tokenizer.config.get("model_type")
        return prompt_with_images(text, await encoded_within(adapter, text, limit), seen, kind)

    async def _bound(
        self, model: ServedModel, sampling: GenerationParams, structure: Structure | None, *, optional: bool
    ) -> GenerationParams:
        """`sampling` under `structure`, or as it was where the model cannot use one that is only a help. Raises
        `InvalidRequest` and `NotReady`."""
        if structure is None:
            return sampling
        try:
            size = await self._probe.check(model.directory, structure)
        except GrammarRefused as error:
            if not optional:
                raise InvalidRequest(
                    f"The requested form of the answer cannot be used: {error}", param="response_format"
                ) from error
            logger.info("Tool calls of %s are left unconstrained: %s", model.public_id, error)
            return sampling
        except ProbeNotReady as error:
            if not optional:
                raise NotReady(f"The requested form of the answer could not be tried yet: {error}") from error
            return sampling
        return msgspec.structs.replace(sampling, structure=structure, structure_bytes=size)

    def forget(self, model_id: str) -> None:
        """Let go of a model's tokenizer, which keeps files of it open."""
        self._speeches.forget(model_id)

    async def tokenizer(self, model: ServedModel) -> ChatTokenizer:
        """Raises `InvalidRequest` on a model that does not generate."""
        return await self._speeches.tokenizer(model)

    def _complete(
        self,
        model: ServedModel,
        prompt: Prompt,
        options: GenerationOptions,
        sampling: GenerationParams,
        answer: AnswerText,
    ) -> Completion:
        completion = Completion(model, prompt.ids, Timings(self._manager.clock()), prompt.tokens)
        note_work(completion.timings)
        completion.deltas = self._deltas(completion, prompt.multimodal, sampling, answer, options.keep_alive)
        return completion

    async def _deltas(
        self,
        completion: Completion,
        multimodal: MultimodalPrompt | None,
        sampling: GenerationParams,
        answer: AnswerText,
        keep_alive: float | None,
    ) -> AsyncGenerator[Delta, None]:
        called = False
        outputs = self._manager.generate(
            completion.model.id,
            # What images take of the context counts from the beginning, although nobody knows their ids.
            completion.prompt_ids + [0] * (completion.prompt_tokens - len(completion.prompt_ids)),
            sampling,
            completion.timings,
            client=current_client(),
            multimodal=multimodal,
            keep_alive=keep_alive,
        )
        with observed():
            async with aclosing(outputs):
                async for output in outputs:
                    completion.take(output)
                    for delta in answer.push(output.tokens, output.logprobs):
                        called = called or delta.tool_call is not None
                        note_answer(delta.text)
                        yield delta
                    if answer.stopped:
                        completion.stop_string = answer.stop_string
                        break
                    if output.finish == "length":
                        completion.finish_reason = "length"
        for delta in answer.finish():
            called = called or delta.tool_call is not None
            note_answer(delta.text)
            yield delta
        if called and completion.finish_reason == "stop":
            completion.finish_reason = "tool_calls"

    def _sampling(
        self, model: ServedModel, prompt_tokens: int, options: GenerationOptions, *, param: str = "messages"
    ) -> GenerationParams:
        asked = options.sampling
        if asked.logprobs and model.one_at_a_time:
            raise InvalidRequest(
                f"'{model.public_id}' runs in a pipeline without logprobs; on the GPU and the CPU models have them.",
                param="logprobs",
            )
        limit = self._manager.prompt_limit(model)
        if prompt_tokens > limit.longest:
            raise limit.exceeded(prompt_tokens, param=param)
        room = self._manager.max_request_tokens(model.id) - prompt_tokens
        return msgspec.structs.replace(
            asked,
            max_tokens=min(asked.max_tokens or room, room),
            seed=asked.seed & _SEEDS if asked.seed is not None else secrets.randbits(31),
            top_k=asked.top_k if asked.top_k is None else min(asked.top_k, _MOST_TOP_K),
            stop=(),
        )


def _check_ids(adapter: ChatAdapter, ids: Sequence[int], *, param: str) -> None:
    """Raises `InvalidRequest` on one that is no token: where the library would read then is unknown."""
    size = adapter.tokenizer.vocabulary_size
    if ids and not (min(ids) >= 0 and max(ids) < size):
        raise InvalidRequest(f"This model's tokens have the ids 0 to {size - 1}.", param=param)


def _constrained(conversation: Conversation, options: GenerationOptions) -> bool:
    """Whether the client itself asked for a form, rather than only offering tools."""
    return conversation.must_call or options.form is not None
