"""What there is to know of one way of writing tool calls."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tools = Mapping[str, Mapping[str, Any]]
"""The offered tools: name to JSON schema of the parameters."""


@dataclass(frozen=True)
class ParsedCall:
    """A call as the model wrote it; `arguments` is a JSON object's text, without its end where the call was cut."""

    name: str
    arguments: str


@dataclass(frozen=True)
class ParsedCalls:
    """The calls of a block, and the text after them that belongs to no call. `cut` is a call whose end has not come,
    with the arguments that had."""

    calls: tuple[ParsedCall, ...]
    rest: str = ""
    cut: ParsedCall | None = None


Reader = Callable[[str, Tools], ParsedCalls | None]


@dataclass(frozen=True)
class CallBlock:
    """Marks around calls. Without `close` the block goes on to the end of the answer; with `keep` the opening mark is
    itself a part of the first call."""

    open: str
    close: str = ""
    keep: bool = False


@dataclass(frozen=True)
class CallForm:
    """How calls are written, as the grammar makes them:

    begin, then for each call before_name NAME before_arguments ARGUMENTS after_arguments, `between` between two, end.
    A `{name}` in `before_arguments` is the name once more. `trigger` is the beginning of that text by which a call is
    recognized in the middle of other text; empty where nothing tells it from text. Arguments in "tags" stand between
    the two texts `tags`, of which the first has the parameter's `{name}` and perhaps a place for true or false, whether
    its value is text (`{text}`). Without `parallel` there is one call an answer.
    """

    trigger: str
    before_name: str
    before_arguments: str
    after_arguments: str
    begin: str = ""
    between: str = ""
    end: str = ""
    arguments: Literal["json", "tags", "python", "gemma", "escape"] = "json"
    tags: tuple[str, str] = ("", "")
    parallel: bool = True

    @property
    def quoted_name(self) -> bool:
        """Whether the name is a JSON string."""
        return self.arguments == "json" and self.before_name.endswith('"')


@dataclass(frozen=True)
class ToolCallFormat:
    """`blocks` lists the marks for given tools; `read` understands what stands between two marks, and gives None when
    that is no call.

    `special` are marks that are single special tokens in these models' vocabularies. `silent` are marks that belong to
    no call and are left out of the text. `head` finds the beginning of a call whose arguments are JSON text, so that
    they can be passed on while they come; elsewhere `read_cut` reads a block that was cut off. `inside` tells whether
    a text stops in the middle of an argument, where marks are only quoted. `opening` is what the prompt itself writes
    of the answer's first mark. `known` is False for the dialect of models of which nobody knows how they call.
    """

    name: str
    blocks: Callable[[Tools], tuple[CallBlock, ...]]
    read: Reader
    form: CallForm
    special: frozenset[str] = frozenset()
    silent: Callable[[Tools], tuple[str, ...]] = lambda tools: ()
    head: re.Pattern[str] | None = None
    read_cut: Reader | None = None
    inside: Callable[[str], bool] = lambda text: False
    opening: str = ""
    known: bool = True


def fixed(*blocks: CallBlock) -> Callable[[Tools], tuple[CallBlock, ...]]:
    """The same marks whatever the tools."""
    return lambda tools: blocks


def left_out(*marks: str) -> Callable[[Tools], tuple[str, ...]]:
    """The same silent marks whatever the tools."""
    return lambda tools: marks
