"""What of a request's body the gateway looks at. Everything else, pictures of many megabytes too, stays as it came."""

from __future__ import annotations

import msgspec
from starlette.types import Receive

from gateway.errors import ClientLeft
from web.bodies import without_lone_surrogates
from web.forms import field_of_form, is_form


class RoutedFields(msgspec.Struct, frozen=True):
    """The fields that tell which device is meant, whatever else they hold."""

    model: object = None
    name: object = None
    source: object = None
    from_: object = msgspec.field(default=None, name="from")
    previous_response_id: object = None

    @property
    def asked(self) -> str | None:
        """The model, which older clients of Ollama call `name`."""
        return _text(self.model) or _text(self.name)

    @property
    def copied(self) -> str | None:
        return _text(self.source)

    @property
    def derived_from(self) -> str | None:
        return _text(self.from_)

    @property
    def previous(self) -> str | None:
        return _text(self.previous_response_id)


async def read_whole(receive: Receive) -> bytes:
    """Raises `ClientLeft`; an HTTPException where it is larger than allowed."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def named_in(body: bytes, content_type: str = "") -> RoutedFields | None:
    """None where it is no JSON object and no form with a model: a device will find the words for that."""
    if is_form(content_type):
        return RoutedFields(model=field_of_form(body, content_type, "model"))
    for text in (body, None):
        try:
            return msgspec.json.decode(without_lone_surrogates(body) if text is None else text, type=RoutedFields)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
