"""Chat templates rendered as Hugging Face renders them."""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

_MOST_IN_POWER = 1000
_MOST_REPEATED = 1_000_000


class TemplateRefused(ValueError):
    """The template does not take this conversation; str() is its complaint."""


class ChatTemplate:
    """A compiled template. `variables` (the special tokens) are at hand in every rendering; `today` is the clock.

    Templates come with downloaded models: they run in Jinja's sandbox. Raises `TemplateRefused` on one that is no
    valid Jinja.
    """

    def __init__(
        self,
        source: str,
        variables: Mapping[str, str],
        *,
        today: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.filters["from_json"] = _from_json  # OpenVINO Model Server's, which templates made for it use
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = lambda form: today().strftime(form)
        self._variables = dict(variables)
        try:
            self._template = environment.from_string(source)
        except (TemplateError, SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise TemplateRefused(str(error)) from error  # the compiler's errors too: Jinja translates to Python

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None,
        options: Mapping[str, Any],
    ) -> str:
        """The prompt, open for the assistant's turn. Raises `TemplateRefused`."""
        try:
            return self._template.render(
                **self._variables, **{"messages": messages, "tools": tools, "add_generation_prompt": True, **options}
            )
        except Exception as error:  # whatever somebody else's template comes to
            raise TemplateRefused(str(error)) from error


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's, which leaves arithmetic alone, though one power or repetition can take all time or memory there is."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and not (abs(left) <= _MOST_IN_POWER and abs(right) <= _MOST_IN_POWER):
            raise TemplateError("a power is too large")
        for repeated, times in ((left, right), (right, left)):
            if operator == "*" and isinstance(repeated, str | list | tuple) and len(repeated) * times > _MOST_REPEATED:
                raise TemplateError("a repetition is too long")
        return super().call_binop(context, operator, left, right)


class _GenerationTag(Extension):
    """`{% generation %}`, by which templates mark the assistant's part for training, changes nothing here."""

    tags = {"generation"}  # noqa: RUF012 (declared so by jinja2)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _from_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)
