"""Where a request's time went, as a `Server-Timing` header."""

from collections.abc import Iterable

from chat.completion import Completion
from pools.statistics import Timings


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
    return {"Server-Timing": ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in parts.items())}
