"""Token ids to text, as they come."""

from collections.abc import Callable, Sequence

_UNFINISHED = "\ufffd"
_WINDOW = 8


class Detokenizer:
    """Turns the growing ids of one answer into text, whole characters only.

    Text is decoded from a little before the new ids, because what a token reads as can depend on the one before
    it; nothing is held back but a character whose last bytes have not come. "A little" grows to `_WINDOW` ids before
    it shrinks again, as shrinking takes a call of its own.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._context = 0  # ids from here on are decoded
        self._shown = 0  # ids up to here have been turned into text
        self._shown_text = ""

    def push(self, ids: Sequence[int]) -> str:
        """The text that `ids` add; may be empty."""
        self._ids += ids
        text = self._decode(self._ids[self._context :])
        if text.endswith(_UNFINISHED):
            return ""
        new = text[len(self._shown_text) :]
        if len(self._ids) - self._context > _WINDOW:
            self._context = self._shown
            text = self._decode(self._ids[self._context :])
        self._shown, self._shown_text = len(self._ids), text
        return new

    def finish(self) -> str:
        """What is still held back, without an unfinished last character."""
        text = self._decode(self._ids[self._context :]).rstrip(_UNFINISHED)
        return text[len(self._shown_text) :]
