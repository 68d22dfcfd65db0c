"""The requests of one device server: what runs, and what has ended."""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal["running", "completed", "failed", "cancelled", "lost"]


class Request(msgspec.Struct, frozen=True):
    """One request; its prompt and answer where they are kept. `time` in seconds since the epoch; `number` grows with
    each, also over restarts; `ended` orders those that are over. Lost is one whose server ended before it did, which
    only the admin server can say. `audio_seconds` heard or spoken, `steps` taken on images. `key` is the id
    of the API key that asked."""

    number: int
    ended: int | None
    id: str
    time: float
    client: str
    agent: str
    path: str
    model: str | None
    status: int
    outcome: Outcome
    error: str | None
    seconds: float
    prompt_tokens: int
    generated_tokens: int
    audio_seconds: float
    steps: int
    first_token_seconds: float | None
    tokens_per_second: float | None
    waited_seconds: float | None
    load_seconds: float
    prompt: str | None
    answer: str | None
    key: str | None = None


class ActivityReport(msgspec.Struct, frozen=True):
    """What runs, and what has ended since an earlier `cursor`, oldest first."""

    cursor: int
    running: list[Request]
    ended: list[Request]
