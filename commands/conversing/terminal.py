"""The conversation at the terminal: what is typed, and what comes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output as Screen

from commands.conversing.answers import show_answer
from commands.conversing.conversation import TerminalChat
from commands.conversing.images import take_images
from commands.conversing.slash_commands import NAMES, SlashCommands, attach
from commands.errors import CommandFailed
from commands.output import Output

HISTORY_FILE = ".run_history"
_FENCE = '"""'


async def converse(
    conversation: TerminalChat,
    commands: SlashCommands,
    output: Output,
    *,
    history: Path | None,
    input: Input | None = None,
    screen: Screen | None = None,
) -> None:
    """Until the person leaves. `history`: the file of what was typed, None for none; `input`, `screen`: for tests."""
    session = _session(history, input, screen)
    output.say(f"{conversation.model.name}  /help for help, /bye or Ctrl-D to leave", style="dim")
    while True:
        try:
            line = (await session.prompt_async()).strip()
        except KeyboardInterrupt:
            output.say("Ctrl-D or /bye leaves.", style="dim")
            continue
        except EOFError:
            return
        if not line:
            continue
        try:
            if line.startswith("/") and "\n" not in line and _is_command(line):
                if not await commands.run(line):
                    return
                continue
            await _say(conversation, line, output, statistics=commands.verbose)
        except CommandFailed as error:
            output.fail(str(error), error.kind)
        except asyncio.CancelledError:
            output.say("\nStopped.", style="dim")


async def _say(conversation: TerminalChat, line: str, output: Output, *, statistics: bool) -> None:
    text = unfenced(line)
    if "vision" in conversation.model.abilities:
        text, images = take_images(text)
        attach(conversation, images)
    await show_answer(conversation, text, output, statistics=statistics)


def _is_command(line: str) -> bool:
    """A path may begin with a slash too."""
    return "/" not in line.split()[0][1:]


def unfenced(text: str) -> str:
    if text.startswith(_FENCE):
        return text.removeprefix(_FENCE).removesuffix(_FENCE).strip("\n")
    return text


def _session(history: Path | None, input: Input | None, screen: Screen | None) -> PromptSession[str]:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text.lstrip()
        if text.startswith(_FENCE) and not text.rstrip().removeprefix(_FENCE).endswith(_FENCE):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        HTML("<ansigreen>&gt;&gt;&gt;</ansigreen> "),
        multiline=True,
        prompt_continuation="... ",
        key_bindings=keys,
        history=FileHistory(str(history)) if history else InMemoryHistory(),
        completer=WordCompleter(list(NAMES), sentence=True),
        complete_while_typing=False,
        input=input,
        output=screen,
    )
