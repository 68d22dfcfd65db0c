"""Keeps web pages of others away from a server on this machine.

A page in the user's browser can send requests to 127.0.0.1. Four rules, all before the app sees anything:
- the Host header must name this machine, or a page could reach us under its own name by DNS rebinding;
- a request that changes state must not come from a foreign page: `Origin`, or else `Sec-Fetch-Site`, tells. Programs
  send neither and pass;
- a foreign page may read nothing: CORS answers listed origins only;
- nor may it have anything looked up, for a look may cost the server work: of what a foreign page makes a browser load,
  only links that a person follows are answered. `Origin` tells, or `Sec-Fetch-*`, which browsers send to this machine
  and over TLS.
Every response carries headers that keep browsers from guessing types, framing or embedding it.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.listening import is_loopback

API_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_FETCH_SITES = frozenset({"same-origin", "none"})
_EXPOSED_HEADERS = ("Retry-After", "X-Request-Id")
_PRIVATE_NETWORK = b"access-control-request-private-network"
_CONTAINER_NAMES = ("host.docker.internal", "host.containers.internal")
"""How a container calls the machine it runs on; `.internal` cannot be registered in the public DNS."""

ErrorRenderer = Callable[[Scope, int, str], Response]
"""Request scope, status, sentence → the response in the shape of the API that was called."""


def page_origins(port: int, *, scheme: str = "http") -> tuple[str, ...]:
    """The origins under which a browser on this machine shows the page served on `port`."""
    return tuple(f"{scheme}://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]"))


def render_error(scope: Scope, status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "forbidden"}}, status)


class Guard:
    """ASGI middleware; see the module's text for its rules.

    `host`: the address the server is bound to. Beyond loopback, addresses and this machine's own name are accepted as
    Host too. `hosts`: further names, such as a reverse proxy's. `origins`: foreign origins that may use the API; one
    ending in `*` stands for all that begin so (`chrome-extension://*`). `content_policy`: the Content-Security-Policy
    of responses that set none themselves.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        hosts: Iterable[str] = (),
        origins: Sequence[str] = (),
        content_policy: str = API_CONTENT_POLICY,
        error: ErrorRenderer = render_error,
    ) -> None:
        self._bound_beyond_loopback = not is_loopback(host)
        self._hosts = {name.rstrip(".").lower() for name in (*hosts, *_CONTAINER_NAMES)}
        if self._bound_beyond_loopback:
            self._hosts.add(socket.gethostname().lower())
        alternatives = "|".join(map(_origin_pattern, origins)) or "(?!)"
        self._origins = re.compile(f"(?i:{alternatives})")
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Content-Security-Policy": content_policy,
        }
        self._error = error
        self._app = CORSMiddleware(
            app,
            allow_origin_regex=self._origins.pattern,
            allow_methods=("*",),
            allow_headers=("*",),
            expose_headers=_EXPOSED_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            asked = [header for header in scope["headers"] if header[0] == _PRIVATE_NETWORK]
            if asked:  # told by older browsers, of a page from the internet; some versions of CORSMiddleware refuse it
                kept = [header for header in scope["headers"] if header[0] != _PRIVATE_NETWORK]
                scope, send = {**scope, "headers": kept}, _allowing_private_network(send)
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, self._with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        names = headers.getlist("host")
        if len(names) > 1 or (names and not self._is_our_name(names[0])):
            return Response(status_code=403)
        if _only_looks(scope, headers) and _is_followed_link(headers):
            return None
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") in _OWN_FETCH_SITES:
                return None
            return self._error(
                scope, 403, "This request comes from a page of another site, which may not use this server."
            )
        if self._origins.fullmatch(origin) or _is_same_origin(origin, headers.get("host")):
            return None
        return self._error(
            scope,
            403,
            f"Pages of {origin} may not use this server. If this one should, add its origin to the allowed origins.",
        )

    def _is_our_name(self, host_header: str) -> bool:
        name = _without_port(host_header)
        if is_loopback(name) or name.rstrip(".").lower() in self._hosts:
            return True
        return self._bound_beyond_loopback and _is_address(name)

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return send_with_headers


def _allowing_private_network(send: Send) -> Send:
    """Says yes beside a preflight that succeeds."""

    async def send_allowing(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableHeaders(scope=message)
            if "access-control-allow-methods" in headers:
                headers["Access-Control-Allow-Private-Network"] = "true"
        await send(message)

    return send_allowing


def _origin_pattern(origin: str) -> str:
    if origin.endswith("*"):
        return re.escape(origin[:-1]) + ".*"
    return re.escape(origin.rstrip("/"))


def _only_looks(scope: Scope, headers: Headers) -> bool:
    return scope["type"] == "http" and scope["method"] in _SAFE_METHODS and not _is_preflight(scope, headers)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _is_followed_link(headers: Headers) -> bool:
    """A page that is opened as a whole, not inside of another."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _is_same_origin(origin: str, host: str | None) -> bool:
    """The scheme is left out: a reverse proxy may speak TLS in front of us."""
    _, separator, authority = origin.partition("://")
    return bool(separator) and host is not None and authority.lower() == host.lower()


def _without_port(host_header: str) -> str:
    """`localhost:11435` → `localhost`, `[::1]:11435` → `[::1]`; the empty string for anything else."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:@/\[\]]+)(:\d*)?", host_header.strip())
    return match[1] if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
