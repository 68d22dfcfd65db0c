"""Responses kept in memory, so that a later one can continue them. They go with the process."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from chat.conversation import Message
from web.errors import ServiceError

MAX_RESPONSES = 1000
MAX_CHARACTERS = 50_000_000


class ResponseNotFound(ServiceError):
    status = 404
    code = "response_not_found"


@dataclass(frozen=True)
class StoredResponse:
    """`messages` is the whole conversation up to and with the answer, without instructions; `input_items` is what this
    response was asked with."""

    response: dict[str, Any]
    input_items: list[dict[str, Any]]
    messages: tuple[Message, ...]

    @property
    def characters(self) -> int:
        calls = sum(len(call.arguments) for message in self.messages for call in message.tool_calls)
        pictures = sum(len(picture.url) for message in self.messages for picture in message.pictures)
        texts = sum(len(message.content) + len(message.reasoning) for message in self.messages)
        return calls + pictures + texts


class ResponseStore:
    """The most recent responses; the longest unused make room."""

    def __init__(self, *, max_responses: int = MAX_RESPONSES, max_characters: int = MAX_CHARACTERS) -> None:
        self._max_responses = max_responses
        self._max_characters = max_characters
        self._responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self._characters = 0

    def add(self, stored: StoredResponse) -> None:
        self._responses[stored.response["id"]] = stored
        self._characters += stored.characters
        while len(self._responses) > self._max_responses or self._characters > self._max_characters:
            self._characters -= self._responses.popitem(last=False)[1].characters

    def get(self, response_id: str, *, param: str | None = None) -> StoredResponse:
        """Raises `ResponseNotFound`."""
        if response_id not in self._responses:
            raise ResponseNotFound(
                f"There is no response '{response_id}' (any more): they are kept in memory only.", param=param
            )
        self._responses.move_to_end(response_id)
        return self._responses[response_id]

    def remove(self, response_id: str) -> None:
        """Raises `ResponseNotFound`."""
        self._characters -= self.get(response_id).characters
        del self._responses[response_id]
