"""What can go wrong on the admin server, and the one place where it is put into words.

Under `/api/` an error is `{"error": {"message", "type"}}`; elsewhere it is a page. The sentence is the catalogue's
`error.<kind>`, in the language the client asks for.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from admin.rendering import Renderer
from administration.errors import PROBLEMS, AdministrationError, Problem, explain
from configuration.type_problems import type_problem
from i18n.catalogues import Catalogues, Translator
from web.errors import LONGEST_MESSAGE, shortened
from web.methods import allowed_methods
from web.streaming import client_left

logger = logging.getLogger(__name__)

_KINDS = {
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    414: "request_too_large",
    429: "rate_limit_exceeded",
    431: "request_too_large",
}


class ErrorHandlers:
    """`around`: what a page has around what it says, the lamps and their stream, for those who may see them."""

    def __init__(self, catalogues: Catalogues, renderer: Renderer) -> None:
        self._catalogues = catalogues
        self._renderer = renderer
        self.around: Callable[[Request], Awaitable[Mapping[str, Any]]] | None = None

    def install(self, app: FastAPI) -> None:
        for kind in PROBLEMS:
            app.add_exception_handler(kind, self.on_problem)
        app.add_exception_handler(ClientDisconnect, client_left)
        app.add_exception_handler(RequestValidationError, self.on_invalid_request)
        app.add_exception_handler(HTTPException, self.on_http_exception)
        app.add_exception_handler(Exception, self.on_failure)

    async def on_problem(self, request: Request, error: Exception) -> Response:
        """One of `administration.errors.PROBLEMS`."""
        problem = explain(error)
        return self._respond(request, problem, await self._around(request))

    async def on_invalid_request(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = error.errors()
        invalid = Problem(
            422, "invalid_request", lambda t: t("error.invalid_request", explanation=_explain(problems, t))
        )
        return self._respond(request, invalid, await self._around(request))

    async def on_http_exception(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        around = await self._around(request)
        response = self._refuse(request, error.status_code, error.detail, around)
        if error.status_code == 405:
            response.headers["Allow"] = allowed_methods(request)
        return response

    def on_limit(self, scope: Scope, status: int, sentence: str) -> Response:
        """What `Limits` refuses."""
        return self._refuse(Request(scope), status, sentence)

    async def on_failure(self, request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        # What went wrong may name secrets, and may be what a whole page is made of.
        return self._respond(request, explain(AdministrationError(500, "internal")), {})

    async def _around(self, request: Request) -> Mapping[str, Any]:
        return {} if self.around is None or _is_api(request) else await self.around(request)

    def _refuse(self, request: Request, status: int, detail: str, around: Mapping[str, Any] | None = None) -> Response:
        values = {"path": request.url.path, "method": request.method, "detail": detail}
        problem = explain(AdministrationError(status, _KINDS.get(status, "http"), **values))
        return self._respond(request, problem, around or {})

    def _respond(self, request: Request, problem: Problem, around: Mapping[str, Any]) -> Response:
        if _is_api(request):
            message = shortened(problem.sentence(self._catalogues.negotiate(request, default="en")), LONGEST_MESSAGE)
            named = {"param": problem.param} if problem.param else {}
            return JSONResponse(
                {"error": {"message": message, "type": problem.kind, **named}}, status_code=problem.status
            )
        context = {"status": problem.status, "message": problem.sentence(self._catalogues.negotiate(request))}
        return self._renderer.page(request, "error.html", {**around, **context}, status=problem.status)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _explain(problems: Sequence[dict[str, Any]], t: Translator) -> str:
    """`models.0.max_concurrent: Input should be a valid integer; …`"""
    sentences: list[str] = []
    for problem in problems:
        location = problem.get("loc")
        parts = [str(part) for part in location] if isinstance(location, (list, tuple)) else []
        field = ".".join(parts[1:])
        message = str(problem["msg"]) if t.tag == "en" else t.say(type_problem(problem))
        sentences.append(f"{field}: {message}" if field else message)
    return "; ".join(dict.fromkeys(sentences))
