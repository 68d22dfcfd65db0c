"""Shows an answer as it comes, and stops it at Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from commands.conversing.conversation import Piece, TerminalChat
from commands.output import Output

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""On a terminal these move the cursor, rename the window or type for the user: a model's text must not."""


async def show_answer(conversation: TerminalChat, text: str, output: Output, *, statistics: bool) -> dict[str, Any]:
    """The answer as Ollama's API would give it whole. Raises `CommandFailed`, and CancelledError at Ctrl-C."""
    task = asyncio.create_task(_show(conversation.ask(text), output))
    with _interrupting(task):
        content, thinking, last = await task
    output.write("\n")
    if statistics:
        output.errors.print("\n".join(statistics_lines(last)), style="dim")
    message = {"role": "assistant", "content": content} | ({"thinking": thinking} if thinking else {})
    return {**last, "message": message}


async def _show(pieces: AsyncGenerator[Piece, None], output: Output) -> tuple[str, str, dict[str, Any]]:
    content, thinking, last = "", "", {}
    async with contextlib.aclosing(pieces):
        busy = output.busy("Waiting for the model")
        with busy:
            first = await anext(pieces, None)
        piece = first
        while piece is not None:
            if piece.thinking:
                thinking += piece.thinking
                output.write_aside(_shown(piece.thinking, output))
            if piece.text:
                if thinking and not content:
                    output.write_aside("\n\n")
                content += piece.text
                output.write(_shown(piece.text, output))
            last = piece.statistics or last
            piece = await anext(pieces, None)
    return content, thinking, last


def _shown(text: str, output: Output) -> str:
    return _CONTROLS.sub("", text) if output.interactive else text


@contextlib.contextmanager
def _interrupting(task: asyncio.Task[Any]) -> Iterator[None]:
    """Ctrl-C cancels the task, not the program. Only the main thread may change what a signal does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(task.cancel))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def statistics_lines(last: dict[str, Any]) -> list[str]:
    """What Ollama's counts and nanoseconds say of an answer."""
    lines = []
    for label, tokens, duration in (
        ("prompt", "prompt_eval_count", "prompt_eval_duration"),
        ("answer", "eval_count", "eval_duration"),
    ):
        seconds = (last.get(duration) or 0) / 1e9
        speed = f", {last[tokens] / seconds:.1f} tokens/s" if seconds and last.get(tokens) else ""
        lines.append(f"{label}  {last.get(tokens) or 0} tokens in {seconds:.2f} s{speed}")
    lines.append(f"total   {(last.get('total_duration') or 0) / 1e9:.2f} s")
    return lines
