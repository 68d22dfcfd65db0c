"""Measures what the prefix cache spares: the second turn of a conversation against the first, and against a prompt of
the same length that shares nothing with it.

    python -m benchmarks.second_turn [--model DIRECTORY] [--conversations 8] [--words 900]

The last lines are the figures: seconds to the first token, and how many tokens of the prompt were cached.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.launch import DEMO_ID, DEMO_MODEL, DeviceProcess, demo_model, device_process

_WORDS = ("memory", "port", "model", "device", "server", "answer", "token", "cache", "prompt", "layer", "matrix")


@dataclass(frozen=True)
class Turn:
    """One request: seconds to its first token, tokens of its prompt, how many of them were cached."""

    first_token: float
    prompt_tokens: int
    cached_tokens: int
    answer: str


@dataclass(frozen=True)
class Conversation:
    first: Turn
    second: Turn
    unrelated: Turn


def measure(server: DeviceProcess, *, conversations: int, words: int) -> list[Conversation]:
    """Each conversation is of its own words."""
    chance = random.Random(20)
    found: list[Conversation] = []
    for number in range(conversations + 1):
        opening = {"role": "user", "content": f"{number}: {_text(chance, words)}"}
        first = _ask(server, [opening])
        follow_up = {"role": "user", "content": "And what does that mean for me?"}
        second = _ask(server, [opening, {"role": "assistant", "content": first.answer}, follow_up])
        other = {"role": "user", "content": f"{number + 1000}: {_text(chance, words)}"}
        unrelated = _ask(server, [other, {"role": "assistant", "content": first.answer}, follow_up])
        found.append(Conversation(first, second, unrelated))
    return found[1:]  # the first one finds caches of the CPU and the operating system cold


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words))


def _ask(server: DeviceProcess, messages: Sequence[dict[str, str]]) -> Turn:
    body: dict[str, Any] = {
        "model": server.model,
        "messages": list(messages),
        "max_tokens": 16,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    begun, first_token, answer, usage = time.perf_counter(), 0.0, "", {}
    with server.client.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            usage = chunk.get("usage") or usage
            text = chunk["choices"][0]["delta"].get("content", "") if chunk["choices"] else ""
            if text and not answer:
                first_token = time.perf_counter() - begun
            answer += text
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return Turn(first_token or time.perf_counter() - begun, usage["prompt_tokens"], cached, answer)


def report(found: Sequence[Conversation]) -> str:
    """One line for each kind of turn: medians."""
    lines: list[str] = []
    for name in ("first", "second", "unrelated"):
        turns: list[Turn] = [getattr(conversation, name) for conversation in found]
        seconds = statistics.median(turn.first_token for turn in turns)
        prompt = statistics.median(turn.prompt_tokens for turn in turns)
        cached = statistics.median(turn.cached_tokens for turn in turns)
        lines.append(
            f"{name:>9} turn: first token after {seconds * 1000:.0f} ms; prompt {prompt:.0f} tokens, "
            f"{cached:.0f} cached, {prompt - cached:.0f} computed"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DEMO_MODEL, help="its directory; default: the demo model")
    parser.add_argument("--conversations", type=int, default=8)
    parser.add_argument("--words", type=int, default=900, help="length of a first question")
    options = parser.parse_args(arguments)
    model = {**demo_model(max_concurrent=16), "id": DEMO_ID, "path": str(options.model.resolve())}
    folder = tempfile.TemporaryDirectory(prefix="second turn ")
    with folder, device_process(Path(folder.name), models=[model]) as server:
        print(report(measure(server, conversations=options.conversations, words=options.words)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
