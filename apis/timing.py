"""Where a request's time went, as a `Server-Timing` header."""

from collections.abc import Iterable, Sequence
from typing import Any

from chat.completion import Completion
from pools.statistics import Timings
from reports.token_rate import shown, total_rate

EVICTED_HEADER = "X-KV-Cache-Evicted"


def waiting_comment(completions: Iterable[Completion]) -> bytes:
    """A comment for an event stream: the place in the queue; nothing once all of a request's answers are worked on."""
    asked = [completion.timings.queue_position for completion in completions]
    places = [position() for position in asked if position is not None]
    return f": waiting, number {max(places)} in the queue\n\n".encode() if any(places) else b""


def server_timing(timings: Timings) -> dict[str, str]:
    """The header for a finished request (milliseconds): waiting, loading the model, prompt, answer, all of it."""
    total = timings.total_seconds
    waiting = total - timings.load_seconds - timings.prefill_seconds - timings.decode_seconds
    parts = {
        "queue": max(0.0, waiting),
        "load": timings.load_seconds,
        "prefill": timings.prefill_seconds,
        "decode": timings.decode_seconds,
        "total": total,
    }
    header = ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in parts.items())
    return {"Server-Timing": header, **_evicted(timings)}


def timings_of(completions: Sequence[Completion]) -> dict[str, Any]:
    """How fast a finished answer came, as llama.cpp's server tells it beside `usage`; milliseconds."""
    rate = shown(total_rate([each.timings for each in completions], 0.0))
    first = completions[0].timings
    return {
        "prompt_n": completions[0].prompt_tokens,
        "prompt_ms": round(first.prefill_seconds * 1000, 1),
        "predicted_n": sum(len(each.generated_ids) for each in completions),
        "predicted_ms": round(max(each.timings.decode_seconds for each in completions) * 1000, 1),
        "predicted_per_second": rate,
    }


def cache_headers(completions: Iterable[Completion]) -> dict[str, str]:
    """For a stream that begins: what has become known with its first tokens."""
    return next((header for each in completions if (header := _evicted(each.timings))), {})


def _evicted(timings: Timings) -> dict[str, str]:
    """Of a conversation that the KV cache had and has lost: its tokens, and the settings that would help, as an item of
    RFC 9651 (structured fields)."""
    if not timings.evicted_tokens:
        return {}
    return {EVICTED_HEADER: f'{timings.evicted_tokens};settings="{", ".join(timings.larger_cache)}"'}
