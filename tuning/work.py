"""What each kind of work asks of a model: how long its prompts are, and what they want to have written."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from chat.templates import TemplateRefused
from chat.tokenizer import ChatTokenizer
from configuration.tuning_store import Work

PROMPT_TOKENS: dict[Work, int] = {"chat": 1024, "code": 2048, "agent": 4096}
"""Of a new conversation."""

_CODE = """def average(values):
    total = 0
    for value in values:
        total = total + value
    return total / len(values)


def spread(values):
    middle = average(values)
    total = 0
    for value in values:
        total = total + (value - middle) ** 2
    return (total / len(values)) ** 0.5"""
_LISTING = """drwxr-xr-x 2 user user  4096 Jan 12 09:14 configuration
-rw-r--r-- 1 user user  1187 Jan 12 09:14 server.toml
-rw-r--r-- 1 user user 20413 Jan 14 17:02 server.log
-rw-r--r-- 1 user user   311 Jan 11 08:55 notes.txt"""
_QUESTIONS: dict[Work, tuple[str, ...]] = {
    "chat": (
        "Why is the sky blue in the day and red in the evening?",
        "Suggest three dinners for a family that eats no meat.",
        "How do I ask my neighbour politely to turn the music down?",
        "Explain in simple words what a memory bandwidth is.",
    ),
    "code": (
        f"Rename `values` to `samples` in this code and change nothing else:\n\n{_CODE}",
        f"Add type annotations to this code and change nothing else:\n\n{_CODE}",
        f"Write this code again with a docstring for each function:\n\n{_CODE}",
        f"Let `average` return 0 for an empty list. Give the whole code:\n\n{_CODE}",
    ),
    "agent": (
        f"The command `ls -l` gave:\n\n{_LISTING}\n\nRepeat the lines of the files, without the folder.",
        f"The command `ls -l` gave:\n\n{_LISTING}\n\nWrite it as a JSON list of objects with name and size.",
        f"The file stats.py holds:\n\n{_CODE}\n\nWrite the call that edits it so that `spread` is named `deviation`.",
        f"The file stats.py holds:\n\n{_CODE}\n\nCopy the function `average`, then say what it returns for [1, 2].",
    ),
}


class Questions:
    """Whole prompts of a kind of work, each a little different from those before it, so that no cache knows it."""

    def __init__(self, tokenizer: ChatTokenizer, work: Work) -> None:
        self._tokenizer = tokenizer
        self._questions = cycle(_QUESTIONS[work])
        self._asked = 0

    def next(self) -> list[int]:
        self._asked += 1
        text = f"{self._asked}. {next(self._questions)}"
        messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
        try:
            return self._tokenizer.encode(self._tokenizer.render(messages, None, {}))
        except TemplateRefused:  # a model without a chat template goes on with the text
            return self._tokenizer.encode(text)
