"""Who may use the admin server once keys exist: programs send a key, browsers log in with one and get a cookie."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from admin.rendering import Renderer
from administration.errors import AdministrationError
from i18n.catalogues import Catalogues
from keys.access import Access
from keys.gate import CALLER
from keys.key import KeyScope
from keys.sessions import SESSION_COOKIE, SESSION_SECONDS, Sessions, session_token
from web.guard import ErrorRenderer

PUBLIC = frozenset({"/health", "/login", "/preferences"})
"""What everybody who reaches the port may ask; and the page's files below /static/."""

MAX_FORM_BYTES = 4096


def needed_scope(method: str, path: str) -> KeyScope | None:
    return None if path in PUBLIC or path.startswith("/static/") else "admin"


def own_path(target: str) -> str:
    """`target` if it is a path of this server, else the first page: a link must not lead a person elsewhere."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


def read_form(body: bytes) -> dict[str, str]:
    """Raises `AdministrationError` for one that is longer than any of ours."""
    if len(body) > MAX_FORM_BYTES:
        raise AdministrationError(413, "form_too_long")
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def refusal(catalogues: Catalogues) -> ErrorRenderer:
    """What somebody without the right key gets: a browser that opens a page the login page, others an error."""

    def refuse(scope: Scope, status: int, message: str) -> Response:
        request = Request(scope)
        is_page = scope["method"] in ("GET", "HEAD") and not scope["path"].startswith(("/api/", "/metrics"))
        if status == 401 and is_page:
            return RedirectResponse(f"/login?next={quote(_with_query(scope), safe='/')}", status_code=303)
        t = catalogues.negotiate(request, default="en")
        kind = {401: "unauthorized", 503: "keys_unreadable"}.get(status, "key_scope")
        return JSONResponse({"error": {"message": t(f"error.{kind}"), "type": kind}}, status)

    return refuse


def _with_query(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}" if query else scope["path"]


class Login:
    """`secure`: the page is served by TLS, so its cookie goes over TLS only. The same holds where a proxy says that it
    speaks TLS."""

    def __init__(self, access: Access, sessions: Sessions, renderer: Renderer, *, secure: bool) -> None:
        self._access = access
        self._sessions = sessions
        self._renderer = renderer
        self._secure = secure

    def router(self) -> APIRouter:
        router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
        router.add_api_route("/login", self.form)
        router.add_api_route("/login", self.log_in, methods=["POST"])
        router.add_api_route("/logout", self.log_out, methods=["POST"])
        return router

    async def form(self, request: Request, next: str = "/") -> Response:
        if request.scope.get(CALLER) is not None:
            return RedirectResponse(own_path(next), status_code=303)
        return self._page(request, next)

    async def log_in(self, request: Request) -> Response:
        fields = read_form(await request.body())
        target = own_path(fields.get("next", "/"))
        caller = self._access.caller(fields.get("key", "").strip())
        if caller is None or caller.key is None:
            return self._page(request, target, problem="login.wrong", status=401)
        if not caller.allows("admin"):
            return self._page(request, target, problem="login.not_admin", status=403)
        response = RedirectResponse(target, status_code=303)
        self.open_session(request, response, caller.key.id)
        return response

    async def log_out(self, request: Request) -> Response:
        self._sessions.close(session_token(request.headers))
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(SESSION_COOKIE, samesite="strict", httponly=True, secure=self._over_tls(request))
        return response

    def open_session(self, request: Request, response: Response, key_id: str) -> None:
        """Let the browser that gets `response` in, as the owner of a key."""
        response.set_cookie(
            SESSION_COOKIE,
            self._sessions.open(key_id),
            max_age=SESSION_SECONDS,
            samesite="strict",
            httponly=True,
            secure=self._over_tls(request),
        )

    def _over_tls(self, request: Request) -> bool:
        return self._secure or request.url.scheme == "https"

    def _page(self, request: Request, target: str, *, problem: str | None = None, status: int = 200) -> Response:
        context = {"target": own_path(target), "problem": problem}
        return self._renderer.page(request, "login.html", context, status=status)
