"""What can be typed behind a slash in a conversation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.conversing.conversation import TerminalChat, read_image
from commands.errors import USAGE, CommandFailed
from commands.output import Output
from commands.served import OfferedModel

HELP = {
    "/image FILE": "send an image with the next message; a file name in the message does the same",
    "/clear": "forget the conversation",
    "/system TEXT": "set the system message; without TEXT, remove it",
    "/set NAME VALUE": "set a parameter, such as temperature, num_predict, seed or stop",
    "/think on|off|default": "let a thinking model think",
    "/verbose on|off": "show tokens and times of each answer",
    "/show": "show the model, system message and parameters",
    "/load MODEL": "go on with another served model",
    "/save FILE": "save the conversation as JSON",
    "/help": "show this",
    "/bye": "leave; Ctrl-D does the same",
}
NAMES = tuple(line.split()[0] for line in HELP)
_LEAVING = ("/bye", "/exit", "/quit")
_TYPING = 'Alt-Enter starts a new line; so does Enter between """ and """. Ctrl-C stops an answer.'


@dataclass
class SlashCommands:
    """Every method raises `CommandFailed`, which ends the command and not the conversation."""

    conversation: TerminalChat
    output: Output
    find: Callable[[str], Awaitable[OfferedModel]]
    verbose: bool = False

    async def run(self, line: str) -> bool:
        """Whether to go on."""
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        if name in _LEAVING:
            return False
        if name == "/load":
            await self._load(rest)
            return True
        act = {
            "/image": self._image,
            "/clear": self._clear,
            "/system": self._system,
            "/set": self._set,
            "/think": self._think,
            "/verbose": self._verbose,
            "/show": self._show,
            "/save": self._save,
            "/help": self._help,
            "/?": self._help,
        }.get(name)
        if act is None:
            raise CommandFailed(f"There is no {name}; /help lists what there is.", code=USAGE)
        act(rest)
        return True

    async def _load(self, name: str) -> None:
        model = await self.find(_needed(name, "/load MODEL"))
        self.conversation.model = checked_model(model)
        self.output.say(f"Going on with {model.name}.", style="dim")

    def _image(self, name: str) -> None:
        path = Path(_needed(name, "/image FILE").strip("\"'")).expanduser()
        attach(self.conversation, [path])
        self.output.say(f"{path.name} goes with the next message.", style="dim")

    def _clear(self, rest: str) -> None:
        self.conversation.clear()
        self.output.say("The conversation is forgotten.", style="dim")

    def _system(self, text: str) -> None:
        self.conversation.system = text
        self.output.say("System message set." if text else "System message removed.", style="dim")

    def _set(self, rest: str) -> None:
        name, _, value = rest.removeprefix("parameter ").partition(" ")
        self.conversation.options |= option_of(
            f"{_needed(name, '/set NAME VALUE')}={_needed(value, '/set NAME VALUE')}"
        )
        self.output.say(f"{name} set.", style="dim")

    def _think(self, word: str) -> None:
        self.conversation.think = _chosen(word, {"on": True, "off": False, "default": None}, "/think on|off|default")

    def _verbose(self, word: str) -> None:
        self.verbose = _chosen(word, {"on": True, "off": False}, "/verbose on|off")

    def _show(self, rest: str) -> None:
        conversation = self.conversation
        model = conversation.model
        self.output.table(
            ("", ""),
            [
                ("model", model.name),
                ("abilities", ", ".join(model.abilities) or "–"),
                ("messages", str(len(conversation.messages))),
                ("system", conversation.system or "–"),
                *((name, json.dumps(value)) for name, value in conversation.options.items()),
            ],
        )

    def _save(self, name: str) -> None:
        path = Path(_needed(name, "/save FILE")).expanduser()
        document = {"model": self.conversation.model.name, "messages": self.conversation.messages}
        try:
            with path.open("x", encoding="utf-8") as stream:
                json.dump(document, stream, ensure_ascii=False, indent=1)
        except OSError as error:
            raise CommandFailed(f"{path} cannot be written: {error.strerror}.") from error
        self.output.say(f"Saved as {path}.", style="dim")

    def _help(self, rest: str) -> None:
        self.output.table(("", ""), list(HELP.items()))
        self.output.say(_TYPING, style="dim")


def attach(conversation: TerminalChat, images: list[Path]) -> None:
    if images and "vision" not in conversation.model.abilities:
        raise CommandFailed(f"{conversation.model.name} cannot see images.", code=USAGE)
    for path in images:
        read_image(path)
    conversation.images += images


def checked_model(model: OfferedModel) -> OfferedModel:
    if model.abilities and "chat" not in model.abilities:
        raise CommandFailed(f"{model.name} does not chat; it can: {', '.join(model.abilities)}.", code=USAGE)
    return model


def option_of(text: str) -> dict[str, Any]:
    """name=value, as an option of Ollama's API; a value that is not JSON is a text."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise CommandFailed(f'"{text}" is not NAME=VALUE.', code=USAGE)
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    return {name.strip(): [found] if name.strip() == "stop" and isinstance(found, str) else found}


def _needed(text: str, usage: str) -> str:
    if not text:
        raise CommandFailed(f"Usage: {usage}", code=USAGE)
    return text


def _chosen(word: str, choices: dict[str, Any], usage: str) -> Any:
    if word not in choices:
        raise CommandFailed(f"Usage: {usage}", code=USAGE)
    return choices[word]
