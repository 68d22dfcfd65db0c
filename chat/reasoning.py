"""How model families set their reasoning apart from the answer."""

from dataclasses import dataclass
from typing import Any

from chat.sections import Tag
from chat.tool_formats.tool_call_format import ToolCallFormat

# What templates know, for what clients may also say.
_EFFORTS = {"minimal": "low", "xhigh": "high", "max": "high"}
THINK = Tag("<think>", "</think>")
_HARMONY = Tag("<|channel|>analysis<|message|>", "<|end|><|start|>assistant")


@dataclass(frozen=True)
class Reasoning:
    """The tag of a family; `answer_head` is what such a model writes between its reasoning and its answer."""

    tag: Tag
    answer_head: str = ""


# What a chat template that knows the family's reasoning mentions.
_FAMILIES: tuple[tuple[str, Reasoning], ...] = (
    ("[THINK]", Reasoning(Tag("[THINK]", "[/THINK]"))),
    ("<seed:think>", Reasoning(Tag("<seed:think>", "</seed:think>"))),
    ("<|channel>", Reasoning(Tag("<|channel>thought\n", "<channel|>"))),
    ("<|START_THINKING|>", Reasoning(Tag("<|START_THINKING|>", "<|END_THINKING|>"), "<|START_RESPONSE|>")),
    ("<|inner_prefix|>", Reasoning(Tag("<|inner_prefix|>", "<|inner_suffix|>"))),
    ("<|think|>", Reasoning(Tag("<|think|>", "<|end|><|begin|>assistant"), "<|content|>")),
    ("assistant to=self", Reasoning(Tag(" to=self<|message|>", "<|eom|><|start|>assistant"), " to=user<|message|>")),
    ("[BEGIN FINAL RESPONSE]", Reasoning(Tag("Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]"))),
    ("◁think▷", Reasoning(Tag("◁think▷", "◁/think▷"))),
    ("<think:opensource>", Reasoning(Tag("<think:opensource>", "</think:opensource>"))),
    ("<thought>", Reasoning(Tag("<thought>", "</thought>"))),
    ("<think>", Reasoning(THINK)),
    ("Here is my thought process:", Reasoning(Tag("Here is my thought process:", "Here is my response:"))),
)


def find_reasoning(template: str, call_format: ToolCallFormat) -> Reasoning:
    """The tag by the chat template's text; the common one where it says nothing."""
    if call_format.name == "harmony":
        return Reasoning(_HARMONY, "<|channel|>final<|message|>")
    return next((reasoning for mark, reasoning in _FAMILIES if mark in template), Reasoning(THINK))


def strip_reasoning(text: str, tag: Tag) -> tuple[str, str]:
    """An earlier answer's reasoning, and the answer without it."""
    before, opened, rest = text.partition(tag.open)
    if not opened:
        thoughts, closed, answer = text.partition(tag.close)
        return (thoughts.strip(), answer.lstrip()) if closed else ("", text)
    thoughts, _, answer = rest.partition(tag.close)
    return thoughts.strip(), before + answer.lstrip()


def thinking_options(*, enabled: bool | None = None, effort: str | None = None) -> dict[str, Any]:
    """Template variables for whether and how hard to think, under the names that families give them. The effort
    "none" is not to think at all."""
    if effort is not None and enabled is None:
        enabled = effort != "none"
    options: dict[str, Any] = {} if enabled is None else {"enable_thinking": enabled, "thinking": enabled}
    if effort is not None and effort != "none":
        options["reasoning_effort"] = _EFFORTS.get(effort, effort)
    return options
