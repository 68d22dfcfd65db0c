"""What keeping chats and reading files for them can fail with."""

from __future__ import annotations

from notices import Notice
from web.errors import ServiceError


class UnknownChat(ServiceError):
    status = 404
    code = "unknown_chat"

    def __init__(self) -> None:
        super().__init__(Notice("notices.unknown_chat"))


class ChatsNotKept(ServiceError):
    """Keeping is switched off, on the page or in server_config.json."""

    status = 409
    code = "chats_not_kept"

    def __init__(self) -> None:
        super().__init__(Notice("notices.chats_not_kept"))


class ChatsFull(ServiceError):
    """What may be kept is used up, or the disk is full."""

    status = 507
    code = "chats_full"

    def __init__(self, most_bytes: int) -> None:
        super().__init__(Notice("notices.chats_full", most=f"{most_bytes / 1e6:g}"))


class InvalidChat(ServiceError):
    """`problem` is English, for a program: the page sends nothing of that kind."""

    status = 422
    code = "invalid_chat"

    def __init__(self, problem: str) -> None:
        super().__init__(Notice("notices.invalid_chat", problem=problem))


class UnreadableFile(ServiceError):
    """A file from which no text can be taken; `reason` is the last part of a key `notices.file_…`."""

    status = 422
    code = "unreadable_file"

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(Notice(f"notices.file_{reason}", **values))
