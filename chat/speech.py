"""How one model is spoken to and understood: its template, its tool dialect, its reasoning."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chat.answer import TokenPieces
from chat.conversation import Conversation, GenerationOptions
from chat.dialects.dialect import Dialect, Tools
from chat.dialects.registry import DIALECTS, find_dialect
from chat.grammars.json_schema import SchemaError
from chat.grammars.structure import Preface, calls_structure, form_structure
from chat.harmony import HarmonyParser
from chat.prompts import PromptWriter
from chat.reasoning import Reasoning, find_reasoning
from chat.sections import AnswerParser, SectionParser
from chat.templates import TemplateRefused
from chat.tokenizer import ChatTokenizer, Decode
from instances.messages import Structure
from web.errors import InvalidRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speech:
    """What `ChatService` knows of a model beside its instances. `thinks`: its template can ask for reasoning."""

    tokenizer: ChatTokenizer
    dialect: Dialect
    reasoning: Reasoning
    thinks: bool

    def prompt(self, conversation: Conversation) -> str:
        """Raises `InvalidRequest` on a conversation that the template refuses."""
        given = ""
        if conversation.continued:
            given = conversation.messages[-1].content
            conversation = replace(conversation, messages=conversation.messages[:-1], continued=False)
        try:
            return self._writer.write(conversation) + given
        except TemplateRefused as error:
            reason = str(error)
        raise InvalidRequest(f"The model's chat template refused the messages: {reason}", param="messages")

    @cached_property
    def _writer(self) -> PromptWriter:
        return PromptWriter(self.tokenizer.render, self.tokenizer.template_text, self.reasoning.tag)

    def decoder(self) -> Decode:
        """Special tokens that mean something to the parser are written out, no others."""
        tag = self.reasoning.tag
        return self.tokenizer.decoder(self.dialect.special | {tag.open, tag.close})

    def pieces(self) -> TokenPieces:
        return TokenPieces(self.tokenizer.piece)

    def preface(self, prompt: str, conversation: Conversation) -> Preface:
        """What reasoning to expect after `prompt`."""
        tag = self.reasoning.tag
        end = prompt.rstrip()
        off = conversation.template_options.get("enable_thinking") is False or end.endswith(tag.close)
        harmony = self.dialect.name == "harmony"
        return Preface(self.reasoning, opened=end.endswith(tag.open), possible=harmony or (self.thinks and not off))

    def parser(self, preface: Preface, tools: Tools, *, eager: bool) -> AnswerParser:
        if self.dialect.name == "harmony":
            return HarmonyParser(eager=eager)
        dialect = self.dialect if tools else None
        return SectionParser(
            reasoning=self.reasoning.tag, opened=preface.opened, dialect=dialect, tools=tools, eager=eager
        )

    def structure(
        self, conversation: Conversation, tools: Tools, options: GenerationOptions, preface: Preface
    ) -> Structure | None:
        """The grammar that the request asks for, None for free text. Raises `InvalidRequest`."""
        if not tools:
            return _form(options, preface)
        if conversation.tool_name is not None:
            tools = {conversation.tool_name: tools[conversation.tool_name]}
        if not conversation.must_call and options.form is None and not self.dialect.form.trigger:
            return None
        try:
            return calls_structure(
                self.dialect,
                tools,
                preface,
                required=conversation.must_call,
                parallel=conversation.parallel_calls,
                form=options.form,
            )
        except SchemaError as error:
            if conversation.must_call:
                raise InvalidRequest(f"The tools' schemas cannot be used: {error}.", param="tools") from error
            logger.info("Tool calls are left unconstrained: %s.", error)
            return None


def make_speech(tokenizer: ChatTokenizer, *, thinks: bool, dialect_name: str | None = None) -> Speech:
    """`dialect_name` is the assignment's choice; without one, the template and the config decide."""
    template = tokenizer.template_text
    dialect = DIALECTS.get(dialect_name) if dialect_name else None
    if dialect_name and dialect is None:
        logger.warning("There is no tool dialect '%s'; there are: %s.", dialect_name, ", ".join(DIALECTS))
    dialect = dialect or find_dialect(template, tokenizer.config)
    return Speech(tokenizer, dialect, find_reasoning(template, dialect), thinks)


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


def _form(options: GenerationOptions, preface: Preface) -> Structure | None:
    if options.form is None:
        return None
    try:
        return form_structure(options.form, preface)
    except SchemaError as error:
        raise InvalidRequest(f"The requested form cannot be used: {error}.", param="response_format") from error
