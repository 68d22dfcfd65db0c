"""Responses kept in memory, so that a later one can continue them. They go with the process."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from chat.conversation import Message
from web.errors import ServiceError
from web.streaming import json_bytes

MAX_RESPONSES = 1000
MAX_BYTES = 50_000_000


class ResponseNotFound(ServiceError):
    status = 404
    code = "response_not_found"


class PreviousResponseNotFound(ServiceError):
    """What a request wants to continue is not there."""

    status = 400
    code = "previous_response_not_found"


@dataclass(frozen=True)
class StoredResponse:
    """`messages` is the whole conversation up to and with the answer, without instructions; `input_items` is what this
    response was asked with."""

    response: dict[str, Any]
    input_items: list[dict[str, Any]]
    messages: tuple[Message, ...]

    def size(self) -> int:
        """About how many bytes it takes. Much of what a client sends is given back, so all of it counts."""
        calls = sum(len(call.arguments) for message in self.messages for call in message.tool_calls)
        pictures = sum(len(picture.url) for message in self.messages for picture in message.pictures)
        texts = sum(len(message.content) + len(message.reasoning) for message in self.messages)
        return len(json_bytes(self.response)) + len(json_bytes(self.input_items)) + calls + pictures + texts


class ResponseStore:
    """The most recent responses; the longest unused make room."""

    def __init__(self, *, max_responses: int = MAX_RESPONSES, max_bytes: int = MAX_BYTES) -> None:
        self._max_responses = max_responses
        self._max_bytes = max_bytes
        self._responses: OrderedDict[str, tuple[StoredResponse, int]] = OrderedDict()
        self._bytes = 0

    def add(self, stored: StoredResponse) -> None:
        """One that alone is too large is not kept: it would push out all others first."""
        size = stored.size()
        if size > self._max_bytes:
            return
        self._responses[stored.response["id"]] = stored, size
        self._bytes += size
        while len(self._responses) > self._max_responses or self._bytes > self._max_bytes:
            _, (_, freed) = self._responses.popitem(last=False)
            self._bytes -= freed

    def continued(self, response_id: str) -> StoredResponse:
        """Raises `PreviousResponseNotFound`."""
        if response_id not in self._responses:
            raise PreviousResponseNotFound(
                f"Previous response with id '{response_id}' not found: responses are kept in memory only.",
                param="previous_response_id",
            )
        return self.get(response_id)

    def get(self, response_id: str) -> StoredResponse:
        """Raises `ResponseNotFound`."""
        if response_id not in self._responses:
            raise ResponseNotFound(f"Response '{response_id}' not found: responses are kept in memory only.")
        self._responses.move_to_end(response_id)
        return self._responses[response_id][0]

    def remove(self, response_id: str) -> None:
        """Raises `ResponseNotFound`."""
        self.get(response_id)
        _, freed = self._responses.pop(response_id)
        self._bytes -= freed
