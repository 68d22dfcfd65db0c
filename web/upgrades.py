"""Requests that offer another protocol, read as the HTTP/1.1 they are.

Stock Java clients send `Upgrade: h2c` with everything, `curl --http2` too. A server may ignore the offer (RFC 9110,
section 7.8), but the parser ends such a request with its head, and takes the body for the other protocol.
"""

from typing import Any

import httptools

_OFFERS = frozenset({b"upgrade", b"http2-settings"})


class PlainParser:
    """httptools' request parser that never leaves HTTP/1.1. `protocol` is what it calls back; a head that offers an
    upgrade is brought twice, the second time without the offer: `declining` tells the first from the second."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._parser = _new_parser(protocol)

    @property
    def declining(self) -> bool:
        """Whether the head just read is going to be read again."""
        return self._parser.should_upgrade() and self._parser.get_method() != b"CONNECT"

    def feed_data(self, data: bytes) -> None:
        """Raises what httptools raises; `HttpParserUpgrade` for the method CONNECT only."""
        while True:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if not self.declining:
                    raise
                data = self._head() + data[offer.args[0] :]
                self._parser = _new_parser(self._protocol)

    def _head(self) -> bytes:
        first = b"%s %s HTTP/%s" % (
            self._parser.get_method(),
            self._protocol.url,
            self._parser.get_http_version().encode("ascii"),
        )
        return b"\r\n".join([first, *(b"%s: %s" % header for header in _kept(self._protocol.headers)), b"", b""])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


def _kept(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name == b"connection":
            value = b", ".join(token for each in value.split(b",") if (token := each.strip()).lower() not in _OFFERS)
        if name not in _OFFERS and (value or name != b"connection"):
            kept.append((name, value))
    return kept


def _new_parser(protocol: Any) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    # As uvicorn has it: what a client sends after "Connection: close" is no reason to refuse what came before.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
