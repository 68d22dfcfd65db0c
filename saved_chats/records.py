"""What is kept of a chat, as it is stored and as it crosses the wire.

A chat has one lane for each model that is asked, two where models are compared. The messages of a lane form a tree: an
edited question and another answer are siblings, and `head` names the last message of the branch that is shown.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16,32}\Z")]
"""Made by the page, so that it can save a message more than once: random hexadecimal digits."""
Role = Literal["user", "assistant", "tool"]
MAX_LANES = 2
MAX_TITLE = 200
MAX_OPTIONS_BYTES = 500_000


class Lane(msgspec.Struct, forbid_unknown_fields=True):
    """`model` is a public ID, empty while there is none; `head` the last message of the branch that is shown."""

    model: Annotated[str, msgspec.Meta(max_length=512)] = ""
    head: Id | None = None


class MessageChange(msgspec.Struct, forbid_unknown_fields=True):
    """A new message, or the next state of one. `details` is a JSON object of the page's own: files, reasoning, tool
    calls, figures. `created` in seconds since 1970."""

    id: Id
    role: Role
    content: str
    created: float
    parent: Id | None = None
    lane: Annotated[int, msgspec.Meta(ge=0, lt=MAX_LANES)] = 0
    details: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class ChatChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be changed; what is absent stays as it is. `options` is a JSON object of the page's own. A message
    comes after its parent."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE)] | None = None
    lanes: Annotated[list[Lane], msgspec.Meta(min_length=1, max_length=MAX_LANES)] | None = None
    options: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    messages: list[MessageChange] = msgspec.field(default_factory=list)


class SavedMessage(msgspec.Struct):
    id: str
    role: Role
    content: str
    created: float
    parent: str | None
    lane: int
    details: msgspec.Raw


class ChatSummary(msgspec.Struct):
    """A chat in a list. `changed` in seconds since 1970; `excerpt` is where the words searched for were found."""

    id: str
    title: str
    created: float
    changed: float
    excerpt: str = ""


class SavedChat(msgspec.Struct):
    id: str
    title: str
    created: float
    changed: float
    lanes: list[Lane]
    options: msgspec.Raw
    messages: list[SavedMessage]


class ChatList(msgspec.Struct):
    """`more`: older ones follow. `keep`: whether chats are kept now; `can_keep`: whether that can be switched on."""

    chats: list[ChatSummary]
    more: bool
    keep: bool
    can_keep: bool


class PresetChange(msgspec.Struct, forbid_unknown_fields=True):
    """A system prompt and settings under a name; `options` as of a chat."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    options: msgspec.Raw


class Preset(msgspec.Struct):
    id: str
    name: str
    options: msgspec.Raw


class PresetList(msgspec.Struct):
    presets: list[Preset]
