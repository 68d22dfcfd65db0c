"""What can go wrong on the admin server, and the one place where it is put into words.

Under `/api/` an error is `{"error": {"message", "type"}}`; elsewhere it is a page. The sentence is the catalogue's
`error.<kind>`, in the language the client asks for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from admin.problems import describe_config
from admin.rendering import Renderer
from configuration.device_config import ConfigError
from configuration.type_problems import type_problem
from i18n.catalogues import Catalogues, Translator
from keys.errors import KeyProblem
from web.errors import LONGEST_MESSAGE, ServiceError, shortened
from web.methods import allowed_methods

logger = logging.getLogger(__name__)

_KINDS = {
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    414: "request_too_large",
    429: "rate_limit_exceeded",
    431: "request_too_large",
}


class AdminError(Exception):
    """`kind` names the message `error.<kind>` and is the error's `type` on the wire; `values` fill its placeholders."""

    def __init__(self, status: int, kind: str, **values: object) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.values = values


class ErrorHandlers:
    def __init__(self, catalogues: Catalogues, renderer: Renderer) -> None:
        self._catalogues = catalogues
        self._renderer = renderer

    async def on_admin_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, AdminError)
        return self._answer(request, error.status, error.kind, error.values)

    async def on_config_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, ConfigError)
        return self._respond(request, 409, "config_broken", lambda t: describe_config(t, error))

    async def on_key_problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, KeyProblem)
        return self._answer(request, error.status, error.kind, {})

    async def on_unknown_device(self, request: Request, error: Exception) -> Response:
        return self._respond(request, 404, "unknown_device", lambda t: t.say(str(error)))

    async def on_service_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)
        return self._respond(request, error.status, error.code, lambda t: t.say(error.message))

    async def on_invalid_request(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = error.errors()
        return self._respond(
            request, 422, "invalid_request", lambda t: t("error.invalid_request", explanation=_explain(problems, t))
        )

    async def on_http_exception(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = self._refuse(request, error.status_code, error.detail)
        if error.status_code == 405:
            response.headers["Allow"] = allowed_methods(request)
        return response

    def on_limit(self, scope: Scope, status: int, sentence: str) -> Response:
        """What `Limits` refuses."""
        return self._refuse(Request(scope), status, sentence)

    async def on_failure(self, request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return self._answer(request, 500, "internal", {})  # what went wrong may name secrets

    def _refuse(self, request: Request, status: int, detail: str) -> Response:
        values = {"path": request.url.path, "method": request.method, "detail": detail}
        return self._answer(request, status, _KINDS.get(status, "http"), values)

    def _answer(self, request: Request, status: int, kind: str, values: Mapping[str, object]) -> Response:
        return self._respond(request, status, kind, lambda t: t(f"error.{kind}", **_said(t, values)))

    def _respond(self, request: Request, status: int, kind: str, sentence: Callable[[Translator], str]) -> Response:
        if request.url.path.startswith("/api/"):
            message = shortened(sentence(self._catalogues.negotiate(request, default="en")), LONGEST_MESSAGE)
            return JSONResponse({"error": {"message": message, "type": kind}}, status_code=status)
        context = {"status": status, "message": sentence(self._catalogues.negotiate(request))}
        return self._renderer.page(request, "error.html", context, status=status)


def _said(t: Translator, values: Mapping[str, object]) -> dict[str, object]:
    """The values, those that are sentences themselves in the reader's language."""
    return {name: t.say(value) if isinstance(value, str) else value for name, value in values.items()}


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
