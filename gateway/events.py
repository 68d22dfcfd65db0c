"""Where the events of a stream end."""

_ENDINGS = {"text/event-stream": b"\n\n", "application/x-ndjson": b"\n"}


class WholeEvents:
    """Holds back the event that is not complete yet: a client that was given half of one could not read the error that
    follows where the device goes away in between. What is no stream of events passes as it comes."""

    def __init__(self, media_type: str) -> None:
        self._ending = _ENDINGS.get(media_type, b"")
        self._held = b""

    def push(self, piece: bytes) -> bytes:
        """What is complete now; may be empty."""
        if not self._held and piece.endswith(self._ending):
            return piece
        piece = self._held + piece
        end = piece.rfind(self._ending) + len(self._ending) if self._ending in piece else 0
        self._held = piece[end:]
        return piece[:end]

    def rest(self) -> bytes:
        """What no ending has followed."""
        return self._held
