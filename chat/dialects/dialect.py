"""What there is to know of one way of writing tool calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tools = Mapping[str, Mapping[str, Any]]
"""The offered tools: name to JSON schema of the parameters."""


@dataclass(frozen=True)
class Call:
    """A call as the model wrote it; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Reading:
    """The calls of a block, and the text after them that belongs to no call."""

    calls: tuple[Call, ...]
    rest: str = ""


@dataclass(frozen=True)
class Block:
    """Marks around calls. Without `close` the block goes on to the end of the answer; with `keep` the opening mark is
    itself a part of the first call."""

    open: str
    close: str = ""
    keep: bool = False


@dataclass(frozen=True)
class CallForm:
    """How calls are written, as the grammar makes them:

    begin, then for each call before_name NAME before_arguments ARGUMENTS after_arguments, `between` between two, end.
    `trigger` is the beginning of that text by which a call is recognized in the middle of other text; empty where
    nothing tells it from text. Without `parallel` there is one call an answer.
    """

    trigger: str
    before_name: str
    before_arguments: str
    after_arguments: str
    begin: str = ""
    between: str = ""
    end: str = ""
    arguments: Literal["json", "qwen_xml", "glm_xml", "python", "gemma"] = "json"
    parallel: bool = True


@dataclass(frozen=True)
class Dialect:
    """`blocks` lists the marks for given tools; `read` understands what stands between two marks, and gives None when
    that is no call. `special` are marks that are single special tokens in these models' vocabularies. `json` says that
    the arguments are JSON text, so that they can be passed on while they come."""

    name: str
    blocks: Callable[[Tools], tuple[Block, ...]]
    read: Callable[[str, Tools], Reading | None]
    form: CallForm
    special: frozenset[str] = frozenset()
    json: bool = True


def fixed(*blocks: Block) -> Callable[[Tools], tuple[Block, ...]]:
    """The same marks whatever the tools."""
    return lambda tools: blocks
