"""Errors in each API's own shape: Ollama's below /api, Anthropic's below /v1/messages, OpenAI's everywhere else."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from activity.request_log import note_error
from notices import phrase_of
from pools.errors import PromptTooLong, QueueFull
from web.errors import InvalidRequest, ServiceError
from web.methods import allowed_methods
from web.request_id import current_request_id
from web.streaming import JSON, client_left

logger = logging.getLogger(__name__)

# Clients of Ollama look for this very sentence (two spaces).
_OLLAMA_BUSY = "server busy, please try again.  maximum pending requests exceeded"

_REFUSAL_CODES = {
    401: "invalid_api_key",
    413: "request_too_large",
    415: "unsupported_media_type",
    429: "rate_limit_exceeded",
    503: "unavailable",
}
CODE_HEADER = "x-error-code"
"""The error's code, whatever the shape of the body: Ollama's and Anthropic's have no place for it."""

_RESPONSES_FIELDS = {"messages": "input", "response_format": "text"}
"""What the rooms below call by the names of chat completions."""
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def openai_error(error: ServiceError) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.code}}


def ollama_error(error: ServiceError) -> dict[str, Any]:
    """Ollama's error object."""
    match error:
        case QueueFull():
            return {"error": _OLLAMA_BUSY}
        case PromptTooLong():
            return {"error": error.as_ollama}
    return {"error": error.message}


def anthropic_error(error: ServiceError) -> dict[str, Any]:
    """Anthropic's error object, which is also its error event."""
    kind = _ANTHROPIC_TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    message = error.as_anthropic if isinstance(error, PromptTooLong) else error.message
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": current_request_id()}


def as_service_error(error: Exception) -> ServiceError:
    """`error` itself, or for one that nobody foresaw a logged stand-in that gives nothing away."""
    if isinstance(error, ServiceError):
        return error
    logger.error("Unexpected error", exc_info=error)
    return ServiceError("The server failed on this request; its log has the details.")


def install_error_handlers(app: Starlette) -> None:
    """Make `app` answer every error by `ServiceError`'s rules."""

    async def service_error(request: Request, error: Exception) -> JSON:
        return _response(request.url.path, as_service_error(error))

    async def http_error(request: Request, error: Exception) -> JSON:
        assert isinstance(error, HTTPException)
        known = ServiceError(_http_sentence(request, error))
        known.status, known.code = error.status_code, "not_found" if error.status_code == 404 else "invalid_request"
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = allowed_methods(request)
        return _response(request.url.path, known, headers)

    async def invalid_parameter(request: Request, error: Exception) -> JSON:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"][1:]))
        return _response(request.url.path, InvalidRequest(f"Invalid value for '{name}': {first['msg']}.", param=name))

    app.add_exception_handler(ClientDisconnect, client_left)
    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(RequestValidationError, invalid_parameter)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, service_error)


def refusal(scope: Scope, status: int, message: str) -> Response:
    """A refusal before the app was reached."""
    error = ServiceError(message)
    error.status, error.code = status, _REFUSAL_CODES.get(status, "forbidden")
    return _response(scope["path"], error)


def _http_sentence(request: Request, error: HTTPException) -> str:
    if error.status_code == 404:
        return f"There is no {request.url.path} here."
    if error.status_code == 405:
        return f"{request.url.path} does not take {request.method}."
    return str(error.detail)


def _response(path: str, error: ServiceError, headers: dict[str, str] | None = None) -> JSON:
    note_error(error.message)
    headers = {**(headers or {}), CODE_HEADER: error.code}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    elif error.status >= 500:
        headers["x-should-retry"] = "false"  # OpenAI's clients repeat every 5xx twice otherwise
    return JSON(_shape(path)(error), status_code=error.status, headers=headers)


def _own_error(error: ServiceError) -> dict[str, Any]:
    """OpenAI's, with the sentence as a phrase where it is one: the page puts it into the reader's language."""
    shown = openai_error(error)
    if phrase := phrase_of(error.message):
        shown["error"]["phrase"] = phrase
    return shown


def _shape(path: str) -> Callable[[ServiceError], dict[str, Any]]:
    if path.startswith("/api/"):
        return ollama_error
    if path.startswith("/v1/messages"):
        return anthropic_error
    if path.startswith("/model/"):
        return _own_error
    return _responses_error if path.startswith(("/v1/responses", "/responses")) else openai_error


def _responses_error(error: ServiceError) -> dict[str, Any]:
    """OpenAI's, with the field's name in this API."""
    shown = openai_error(error)
    field, bracket, rest = (error.param or "").partition("[")
    if field in _RESPONSES_FIELDS:
        shown["error"]["param"] = f"{_RESPONSES_FIELDS[field]}{bracket}{rest}"
    return shown
