"""How one model is spoken to and understood: its template, its tool dialect, its reasoning."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chat.answer import TokenPieces
from chat.conversation import Conversation, GenerationOptions, Message
from chat.grammars.json_schema import SchemaError
from chat.grammars.structure import ReasoningPrefix, calls_structure, form_structure
from chat.harmony import HarmonyParser
from chat.prompts import PromptWriter
from chat.reasoning import Reasoning, find_reasoning
from chat.sections import AnswerParser, SectionParser
from chat.templates import TemplateRefused
from chat.tokenizer import ChatTokenizer, Decode
from chat.tool_formats.lookup import CALL_FORMATS, find_call_format
from chat.tool_formats.tool_call_format import ToolCallFormat, Tools
from instances.protocol import Structure
from web.errors import InvalidRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatAdapter:
    """What `ChatService` knows of a model beside its instances. `thinks`: its template can ask for reasoning."""

    tokenizer: ChatTokenizer
    call_format: ToolCallFormat
    reasoning: Reasoning
    thinks: bool

    def prompt(self, conversation: Conversation) -> str:
        """Raises `InvalidRequest` on a conversation that the template refuses."""
        given: Message | None = None
        if conversation.continued:
            given = conversation.messages[-1]
            conversation = replace(conversation, messages=conversation.messages[:-1], continued=False)
        try:
            prompt = self._writer.write(conversation)
        except TemplateRefused as error:
            reason = str(error)
        else:
            return prompt if given is None else self._continued(prompt, given)
        raise InvalidRequest(f"The model's chat template refused the messages: {reason}", param="messages")

    def _continued(self, prompt: str, given: Message) -> str:
        """`prompt` with the beginning of the answer. That stands behind the reasoning, which is closed where the prompt
        has opened it, and behind the header that the model would write itself."""
        tag, head = self.reasoning.tag, self.reasoning.answer_head
        opened = prompt.rstrip().endswith(tag.open.strip())
        if given.reasoning and not opened:
            prompt, opened = f"{prompt}{tag.open}", True
        if opened:
            lines = "\n" if tag.open == tag.open.strip() else ""
            prompt = (
                f"{prompt.rstrip()}{lines or tag.open[len(tag.open.rstrip()) :]}{given.reasoning}{lines}{tag.close}"
            )
            prompt += "" if head else "\n\n"
        if self.call_format.opening and prompt.endswith(self.call_format.opening):
            head = "all\n"
        return f"{prompt}{head}{given.content}"

    @cached_property
    def _writer(self) -> PromptWriter:
        return PromptWriter(self.tokenizer.render, self.tokenizer.template_text, self.reasoning.tag)

    def decoder(self) -> Decode:
        """Special tokens that mean something to the parser are written out, no others."""
        tag = self.reasoning.tag
        return self.tokenizer.decoder(self.call_format.special | {tag.open, tag.close})

    def pieces(self) -> TokenPieces:
        return TokenPieces(self.tokenizer.piece)

    def reasoning_prefix(self, prompt: str, conversation: Conversation) -> ReasoningPrefix:
        """What reasoning to expect after `prompt`."""
        tag = self.reasoning.tag
        if conversation.continued:
            return ReasoningPrefix(Reasoning(tag), opened=False, possible=False, over=True)
        end = prompt.rstrip()
        off = conversation.template_options.get("enable_thinking") is False or end.endswith(tag.close)
        harmony = self.call_format.name == "harmony"
        opened = end.endswith(tag.open.rstrip())
        return ReasoningPrefix(self.reasoning, opened=opened, possible=harmony or (self.thinks and not off))

    def parser(self, reasoning_prefix: ReasoningPrefix, tools: Tools, *, eager: bool) -> AnswerParser:
        if self.call_format.name == "harmony":
            return HarmonyParser(tools=tools, eager=eager, begun=reasoning_prefix.over)
        return SectionParser(
            reasoning=self.reasoning.tag,
            opened=reasoning_prefix.opened,
            call_format=self.call_format,
            tools=tools,
            eager=eager,
            begun=reasoning_prefix.over,
        )

    def structure(
        self, conversation: Conversation, tools: Tools, options: GenerationOptions, reasoning_prefix: ReasoningPrefix
    ) -> Structure | None:
        """The grammar that the request asks for, None for free text. Raises `InvalidRequest`."""
        if not tools:
            return _form(options, reasoning_prefix)
        if conversation.tool_name is not None:
            tools = {conversation.tool_name: tools[conversation.tool_name]}
        if not conversation.must_call and options.form is None and not self.call_format.form.trigger:
            return None
        try:
            return calls_structure(
                self.call_format,
                tools,
                reasoning_prefix,
                required=conversation.must_call,
                parallel=conversation.parallel_calls and conversation.tool_name is None,
                form=options.form,
            )
        except SchemaError as error:
            if conversation.must_call:
                raise InvalidRequest(f"The tools' schemas cannot be used: {error}.", param="tools") from error
            logger.info("Tool calls are left unconstrained: %s.", error)
            return None


def make_adapter(tokenizer: ChatTokenizer, *, thinks: bool, dialect_name: str | None = None) -> ChatAdapter:
    """`dialect_name` is the assignment's choice; without one, the template and the config decide."""
    template = tokenizer.template_text
    call_format = CALL_FORMATS.get(dialect_name) if dialect_name else None
    if dialect_name and call_format is None:
        logger.warning("There is no tool dialect '%s'; there are: %s.", dialect_name, ", ".join(CALL_FORMATS))
    call_format = call_format or find_call_format(template, tokenizer.config)
    if not call_format.known:
        logger.warning(
            "The chat template of %s shows tools, but not in which form its model calls them. Calls are found in the "
            "forms of other models. Set 'tool_dialect' in the model's settings if you know its form.",
            tokenizer.name,
        )
    return ChatAdapter(tokenizer, call_format, find_reasoning(template, call_format), thinks)


def offered_tools(definitions: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Names and parameter schemas of function definitions. Raises `InvalidRequest` on one without a name."""
    tools: dict[str, Mapping[str, Any]] = {}
    for index, definition in enumerate(definitions):
        function = definition.get("function", definition)
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not name:
            raise InvalidRequest("A tool needs a function with a name.", param=f"tools[{index}]")
        parameters = function.get("parameters")
        tools[name] = parameters if isinstance(parameters, Mapping) else {}
    return tools


def _form(options: GenerationOptions, reasoning_prefix: ReasoningPrefix) -> Structure | None:
    if options.form is None:
        return None
    try:
        return form_structure(options.form, reasoning_prefix)
    except SchemaError as error:
        raise InvalidRequest(f"The requested form cannot be used: {error}.", param="response_format") from error
