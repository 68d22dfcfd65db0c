"""What the OpenAPI document of an app says beside the routes themselves: answers, errors, bodies, keys."""

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter

Responses = dict[int | str, dict[str, Any]]
"""The `responses` of a route or a router."""

_REFERENCE = "#/components/schemas/"
_KEYS: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
}
_SENTENCES = {
    400: "The request is at fault; the message says where.",
    401: "A key is needed, or the one given is not valid.",
    403: "The key lacks the scope, the request comes from a foreign page, or the hub refuses access.",
    404: "There is nothing by that name.",
    409: "The present state does not allow it; the message says what does.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body's Content-Encoding is not read here.",
    422: "A field of the request is at fault; the message names it.",
    429: "Too many requests; Retry-After says when to try again.",
    431: "The headers are too large.",
    502: "The hub, or the device's server, does not answer.",
    503: "Not possible now: memory or a queue is full, a server is not running, or the keys cannot be read.",
    507: "The disk has no room.",
}
ANY_REQUEST = (401, 403, 413, 414, 415, 429, 431, 503)
"""What a request can meet before its route is reached."""


def answer(
    model: Any = None, description: str = "The answer.", *, status: int = 200, stream: str | None = None
) -> Responses:
    """One success, as JSON; `stream` is the media type under which it comes piece by piece on demand."""
    content = {} if model is None else _json(model)
    if stream is not None:
        content[stream] = {}  # OpenAPI 3.1 has no schema for the events of a stream
    return {status: {"description": description, "content": content} if content else {"description": description}}


def text(description: str, media_type: str = "text/plain; charset=utf-8") -> Responses:
    """A success that is text."""
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}


def errors(model: type[BaseModel], *statuses: int) -> Responses:
    """Errors in one shape: those that any request can meet, and `statuses`."""
    return {
        status: {"content": _json(model), "description": _SENTENCES[status]} for status in (*ANY_REQUEST, *statuses)
    }


def _json(model: Any) -> dict[str, Any]:
    """The content of a JSON response, with the components it needs in `$defs`.

    FastAPI's own `model` would build validators for each of a route's responses whenever an app is made: half a
    second of every start.
    """
    return {"application/json": {"schema": deepcopy(_schema(model))}}


@cache
def _schema(model: Any) -> dict[str, Any]:
    if isinstance(model, type) and issubclass(model, msgspec.Struct):
        (schema,), components = msgspec.json.schema_components([model], ref_template=f"{_REFERENCE}{{name}}")
        return {**schema, "$defs": components}
    schema = TypeAdapter[Any](model).json_schema(mode="serialization", ref_template=f"{_REFERENCE}{{model}}")
    components = schema.pop("$defs", {})
    if isinstance(model, type) and issubclass(model, BaseModel):
        components[model.__name__] = schema
        schema = {"$ref": f"{_REFERENCE}{model.__name__}"}
    return {**schema, "$defs": components}


def body_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra` of a route whose body is read by `read_body`."""
    prefix = schema.__module__.split(".")[1].title()  # two APIs may have schemas of the same name
    content = schema.model_json_schema(ref_template=f"{_REFERENCE}{prefix}{{model}}")
    content["$defs"] = {f"{prefix}{name}": inner for name, inner in content.get("$defs", {}).items()}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": content}}}}


def form_schema(schema: type[BaseModel], *, files: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The `openapi_extra` of a route whose body is read by `read_form`."""
    content = schema.model_json_schema()
    content["properties"] |= {name: {"type": "string", "format": "binary"} for name in (*files, *optional)}
    content["required"] = [*files, *content.get("required", [])]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": content}}}}


def describe(app: FastAPI, *, public: Collection[str]) -> None:
    """Complete the app's own document. `public`: paths that take no key."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            _complete(document, public)
        return app.openapi_schema or made()

    app.openapi = openapi  # the way that FastAPI documents


def _complete(document: dict[str, Any], public: Collection[str]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = _KEYS
    document["security"] = [{name: []} for name in _KEYS]
    for path, method, operation in _operations(document):
        if path in public:
            operation["security"] = []
        operation["responses"] = dict(_true(operation["responses"], has_body=method != "head"))
        for content in _contents(operation):
            schema = content.get("schema", {})
            schemas.update(schema.pop("$defs", {}))
            if "$ref" in schema:  # what the route's annotation says beside the model is less than the model
                content["schema"] = {"$ref": schema["$ref"]}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)


def _true(responses: Mapping[str, dict[str, Any]], *, has_body: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Without the framework's own 422, which no app of ours answers; errors are JSON also where a success is text."""
    for status, response in responses.items():
        content = list(response.get("content", {}).values())
        if int(status) >= 400 and content:
            if content[0]["schema"].get("$ref", "").endswith("/HTTPValidationError"):
                continue
            response["content"] = {"application/json": content[0]}
        if not has_body:
            response.pop("content", None)
        yield status, response


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _contents(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from part.get("content", {}).values()
