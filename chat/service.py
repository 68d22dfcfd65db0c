"""A conversation with a model on this device: from the request's meaning to a stream of deltas."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from chat.answer import AnswerText, Delta
from chat.conversation import Conversation, GenerationOptions
from chat.grammars.json_schema import SchemaError
from chat.grammars.structure import Preface, form_structure
from chat.personas import with_defaults, with_system
from chat.pictures import PictureLoader, Prompt, place, prompt_with_images
from chat.reasoning import THINK, Reasoning
from chat.sections import SectionParser
from chat.speech import Speech, make_speech, offered_tools
from chat.tokenizer import ChatTokenizer
from instances.grammar_probe import GrammarProbe, GrammarRefused
from instances.messages import Output, Sampling, Sight, Structure
from model_manager import ModelManager
from pools.errors import ModelLoadFailed, PromptTooLong
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.activity import note_answer, note_prompt, note_work, observed
from web.errors import InvalidRequest
from web.request_id import current_client

logger = logging.getLogger(__name__)

_NO_REASONING = Preface(Reasoning(THINK), opened=False, possible=False)
_QUICK_CHARACTERS = 20_000
"""Encoded on the event loop: some milliseconds."""
_QUICK_MESSAGES = 200
_CHARACTERS_A_TOKEN = 8
"""More than texts have on average."""
_TOKENS_AT_A_CUT = 8
"""By so many a text that was cut may have more tokens than the same text in one piece."""
FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass
class Completion:
    """An answer under way. Iterate `deltas` once; `finish_reason` and `timings` are complete after it.

    `prompt_tokens` of a prompt with images is expected at first and known at the end. `cached_tokens` is how many of
    them were at least there from earlier requests; it comes with the first delta, None where it is not known.
    """

    model: ServedModel
    prompt_ids: list[int]
    timings: Timings
    prompt_tokens: int
    cached_tokens: int | None = field(default=None, init=False)
    deltas: AsyncGenerator[Delta, None] = field(init=False)
    generated_ids: list[int] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    stop_string: str | None = None

    def take(self, output: Output) -> None:
        """Add what an instance says."""
        self.generated_ids += output.tokens
        if output.cached_tokens is not None:
            self.cached_tokens = output.cached_tokens
        if output.prompt_tokens is not None:
            self.prompt_tokens = output.prompt_tokens


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
        self._load_tokenizer = load_tokenizer
        self._probe = probe or GrammarProbe()
        self._tokenizers: dict[str, asyncio.Task[ChatTokenizer]] = {}
        self._speeches: dict[tuple[str, str | None], Speech] = {}

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
        speech = await self._speech(model)
        conversation = with_system(model.persona, conversation)
        options = with_defaults(model.persona, options)
        tools = offered_tools(conversation.tools)
        if conversation.tool_name is not None and conversation.tool_name not in tools:
            raise InvalidRequest(f"There is no tool '{conversation.tool_name}' to call.", param="tool_choice")
        prompt = await self._prompt(model, speech, conversation, preceding_ids)
        sampling = self._sampling(model, prompt.tokens, options)
        preface = speech.preface(prompt.text, conversation)
        structure = speech.structure(conversation, tools, options, preface)
        structure = await self._probed(
            model, structure, optional=bool(tools) and not _constrained(conversation, options)
        )
        parser = speech.parser(preface, tools, eager=options.stream_calls and structure is not None)
        pieces = speech.pieces() if options.logprobs else None
        answer = AnswerText(speech.decoder(), parser, stop=options.stop, pieces=pieces)
        return self._complete(model, prompt, options, _with_structure(sampling, structure), answer)

    async def complete(self, model: ServedModel, prompt: str | Sequence[int], options: GenerationOptions) -> Completion:
        """Continue a text, or its ids, as it stands, without a chat template. Raises `PromptTooLong`, and
        `InvalidRequest` on a form that no grammar can express."""
        note_prompt(prompt if isinstance(prompt, str) else "")
        speech = await self._speech(model)
        prompt_ids = await self._encode(model, speech, prompt) if isinstance(prompt, str) else list(prompt)
        if not prompt_ids:
            raise InvalidRequest("The prompt is empty.", param="prompt")
        whole = Prompt("", prompt_ids)
        if model.facts.vision:
            text = prompt if isinstance(prompt, str) else speech.tokenizer.decode(prompt)
            whole = prompt_with_images(text, prompt_ids, [], None)
        sampling = self._sampling(model, whole.tokens, options)
        try:
            structure = form_structure(options.form, _NO_REASONING) if options.form else None
        except SchemaError as error:
            raise InvalidRequest(f"The requested form cannot be used: {error}.", param="response_format") from error
        structure = await self._probed(model, structure, optional=False)
        pieces = speech.pieces() if options.logprobs else None
        answer = AnswerText(speech.tokenizer.decoder(), SectionParser(), stop=options.stop, pieces=pieces)
        return self._complete(model, whole, options, _with_structure(sampling, structure), answer)

    async def count_tokens(self, model: ServedModel, conversation: Conversation) -> int:
        """The length of a conversation's prompt; what images will take is only estimated. Raises `InvalidRequest` on
        one the template refuses."""
        speech = await self._speech(model)
        return (await self._prompt(model, speech, with_system(model.persona, conversation))).tokens

    async def _prompt(
        self, model: ServedModel, speech: Speech, conversation: Conversation, preceding_ids: Sequence[int] = ()
    ) -> Prompt:
        pictures = conversation.pictures
        if pictures and not model.facts.vision:
            raise InvalidRequest(
                f"'{model.public_id}' takes text only; images need a vision-language model.", param=pictures[0].where
            )
        text = await _rendered(speech, conversation)
        if not model.facts.vision:
            return Prompt(text, [*preceding_ids, *await self._encode(model, speech, text)])
        text, shown = place(speech.tokenizer.decode(preceding_ids) + text, pictures)
        images = await self._pictures.load(shown)
        kind = speech.tokenizer.config.get("model_type")
        return prompt_with_images(text, await self._encode(model, speech, text), images, kind)

    async def _encode(self, model: ServedModel, speech: Speech, prompt: str) -> list[int]:
        """Of a prompt that is far too long only as much as shows that it is. Raises `PromptTooLong`."""
        longest = self._longest_prompt(model)
        if len(prompt) <= longest * _CHARACTERS_A_TOKEN:
            return await _encoded(speech, prompt)
        beginning = await _encoded(speech, prompt[: longest * _CHARACTERS_A_TOKEN])
        if len(beginning) > longest + _TOKENS_AT_A_CUT:
            raise _too_long(model, f"more than {longest}", longest)
        return await _encoded(speech, prompt)

    async def _speech(self, model: ServedModel) -> Speech:
        tokenizer = await self.tokenizer(model)
        key = (model.id, model.persona.template)
        speech = self._speeches.get(key)
        if speech is None or speech.tokenizer.source is not tokenizer.source:
            if model.persona.template is not None:
                tokenizer = tokenizer.with_template(model.persona.template)
            chosen = model.assignment.tool_dialect
            speech = make_speech(tokenizer, thinks=model.facts.thinking, dialect_name=chosen)
            self._speeches[key] = speech
        return speech

    async def _probed(self, model: ServedModel, structure: Structure | None, *, optional: bool) -> Structure | None:
        """`structure` when the model can use it; else None where it is only a help, and `InvalidRequest`."""
        if structure is None:
            return None
        try:
            await self._probe.check(model.directory, structure)
        except GrammarRefused as error:
            if not optional:
                raise InvalidRequest(
                    f"The requested form of the answer cannot be used: {error}", param="response_format"
                ) from error
            logger.info("Tool calls of %s are left unconstrained: %s", model.public_id, error)
            return None
        return structure

    def forget(self, model_id: str) -> None:
        """Let go of a model's tokenizer, which keeps files of it open."""
        self._tokenizers.pop(model_id, None)
        self._speeches = {key: speech for key, speech in self._speeches.items() if key[0] != model_id}

    async def tokenizer(self, model: ServedModel) -> ChatTokenizer:
        """Raises `InvalidRequest` on a model that does not generate."""
        model.require("generation")
        if model.problem:
            raise ModelLoadFailed(f"The model '{model.public_id}' cannot be used: {model.problem}")
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
        prompt: Prompt,
        options: GenerationOptions,
        sampling: Sampling,
        answer: AnswerText,
    ) -> Completion:
        completion = Completion(model, prompt.ids, Timings(self._manager.clock()), prompt.tokens)
        note_work(completion.timings)
        if options.keep_alive is not None:
            self._manager.pool(model.id).keep_alive = options.keep_alive
        completion.deltas = self._deltas(completion, prompt.sight, sampling, answer)
        return completion

    async def _deltas(
        self, completion: Completion, sight: Sight | None, sampling: Sampling, answer: AnswerText
    ) -> AsyncGenerator[Delta, None]:
        called = False
        outputs = self._manager.generate(
            completion.model.id,
            # What images take of the context counts from the beginning, although nobody knows their ids.
            completion.prompt_ids + [0] * (completion.prompt_tokens - len(completion.prompt_ids)),
            sampling,
            completion.timings,
            client=current_client(),
            sight=sight,
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

    def _longest_prompt(self, model: ServedModel) -> int:
        limit = self._manager.max_request_tokens(model.id)
        return min(model.max_prompt_tokens or limit - 1, limit - 1)

    def _sampling(self, model: ServedModel, prompt_tokens: int, options: GenerationOptions) -> Sampling:
        if options.logprobs and model.one_at_a_time:
            raise InvalidRequest(
                f"'{model.public_id}' runs in a pipeline without logprobs; on the GPU and the CPU models have them.",
                param="logprobs",
            )
        longest_prompt = self._longest_prompt(model)
        if prompt_tokens > longest_prompt:
            raise _too_long(model, str(prompt_tokens), longest_prompt)
        room = self._manager.max_request_tokens(model.id) - prompt_tokens
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
            logprobs=options.logprobs,
            ignore_eos=options.ignore_eos,
        )


async def _rendered(speech: Speech, conversation: Conversation) -> str:
    """Raises `InvalidRequest` on a conversation that the template refuses."""
    if len(conversation.messages) <= _QUICK_MESSAGES:
        return speech.prompt(conversation)
    return await asyncio.to_thread(speech.prompt, conversation)


async def _encoded(speech: Speech, text: str) -> list[int]:
    if len(text) <= _QUICK_CHARACTERS:
        return speech.tokenizer.encode(text)
    return await asyncio.to_thread(speech.tokenizer.encode_apart, text)


def _too_long(model: ServedModel, tokens: str, longest: int) -> PromptTooLong:
    return PromptTooLong(
        f"The prompt has {tokens} tokens; '{model.public_id}' takes at most {longest} on {model.device.used}. "
        "Shorten the conversation or raise the model's limit in its settings.",
        param="messages",
    )


def _constrained(conversation: Conversation, options: GenerationOptions) -> bool:
    """Whether the client itself asked for a form, rather than only offering tools."""
    return conversation.must_call or options.form is not None


def _with_structure(sampling: Sampling, structure: Structure | None) -> Sampling:
    return sampling if structure is None else msgspec.structs.replace(sampling, structure=structure)
