"""Addresses as they were meant: without slashes too many at either end."""

from starlette.types import ASGIApp, Receive, Scope, Send


class PlainPaths:
    """ASGI middleware, to be the first: `//v1/models/` is `/v1/models`.

    A base address that ends in a slash gives the one, habit the other; a redirect would be answered by a client that
    sends its body again, which few do.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"].endswith("/") or scope["path"].startswith("//")):
            raw = scope.get("raw_path") or scope["path"].encode()
            scope = {**scope, "path": "/" + scope["path"].strip("/"), "raw_path": b"/" + raw.strip(b"/")}
        await self._app(scope, receive, send)
