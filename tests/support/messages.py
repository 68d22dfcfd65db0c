"""What a measurement and its helper processes say to each other: one JSON object a line.

A helper gets its settings first, then jobs; it answers the settings with `Ready` and each job with a `Measured`. All
times are in seconds.
"""

import os
import sys
from collections.abc import Sequence
from typing import IO, TypeVar

import msgspec

T = TypeVar("T")


class EngineSettings(msgspec.Struct, frozen=True):
    """How the bare pipeline is set up. `kv_blocks` counts blocks of the KV cache (32 tokens on a CPU, 16 on a GPU)."""

    directory: str
    device: str
    kv_blocks: int
    max_num_batched_tokens: int | None = None
    prefix_caching: bool = True
    properties: dict[str, str | int] = {}
    single: bool = False
    """Whether to load an LLMPipeline, which answers one request at a time, as on an NPU."""


class Target(msgspec.Struct, frozen=True):
    """Where the load generator sends its requests, and the API key that it takes there."""

    host: str
    port: int
    model: str
    key: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """The helper can take jobs."""


class Message(msgspec.Struct, frozen=True):
    """One message of a chat."""

    role: str
    content: str


Prompt = str | list[Message]
"""What a user says first, or a whole conversation."""


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as chat APIs and templates take it."""
    messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
    return [{"role": message.role, "content": message.content} for message in messages]


class Job(msgspec.Struct, frozen=True):
    """Answer all `prompts`, `streams` at a time, each with `max_tokens` tokens, greedily. Over HTTP, `/health` is asked
    meanwhile every `health_pause` seconds, if that is not None. `late` are asked besides, all at once, `late_seconds`
    after the beginning."""

    prompts: Sequence[Prompt]
    streams: int
    max_tokens: int
    health_pause: float | None = None
    late: Sequence[Prompt] = ()
    late_seconds: float = 0.0


class Answer(msgspec.Struct, frozen=True):
    """`times`: when each piece of the answer came, since its request was made."""

    prompt_tokens: int
    tokens: int
    times: list[float]


class Measured(msgspec.Struct, frozen=True):
    """`seconds`: from the first request to the end of the last answer. `health`: round trips of /health meanwhile."""

    seconds: float
    answers: list[Answer]
    health: list[float] = []

    @property
    def tokens(self) -> int:
        return sum(answer.tokens for answer in self.answers)

    @property
    def prompt_tokens(self) -> int:
        return sum(answer.prompt_tokens for answer in self.answers)


def send(stream: IO[bytes], message: msgspec.Struct) -> None:
    stream.write(msgspec.json.encode(message) + b"\n")
    stream.flush()


def receive(stream: IO[bytes], kind: type[T]) -> T | None:
    """The next message, None at the end of the stream."""
    line = stream.readline()
    return msgspec.json.decode(line, type=kind) if line.strip() else None


def own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """A helper's input and output. What a native library prints goes to the error output from now on."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return sys.stdin.buffer, replies
