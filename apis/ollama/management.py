"""What Ollama's clients change: /api/delete, /api/copy, /api/create, and what does not exist here."""

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse

from apis.device_models import DeviceModels
from apis.model_names import ModelNames
from apis.ollama.answers import CHANGE_ERRORS, LINES, OllamaStatus
from apis.ollama.pull import NamedRequest
from apis.ollama.schemas import Options
from chat.templates import ChatTemplate, TemplateRefused
from configuration.device_config import ModelAlias
from web.bodies import read_body
from web.errors import InvalidRequest
from web.openapi import answer, body_schema
from web.streaming import JSON, StreamResponse, ndjson


class CopyRequest(BaseModel):
    """POST /api/copy."""

    source: str = Field(min_length=1)
    destination: str = Field(min_length=1)


class CreateRequest(NamedRequest):
    """POST /api/create: a model that differs from `from` in its system prompt, parameters or template."""

    from_: str | None = Field(default=None, alias="from")
    system: str | None = None
    template: str | None = None
    parameters: Options | None = None
    stream: bool | None = None
    files: dict[str, str] | None = None
    adapters: dict[str, str] | None = None
    quantize: str | None = None
    modelfile: str | None = None

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        for field in ("files", "adapters", "quantize", "modelfile"):
            if getattr(self, field):
                raise InvalidRequest(
                    f"'{field}' is not supported: models are created from one that is here, by 'from'.", param=field
                )


class PushRequest(NamedRequest):
    """POST /api/push."""


def management_routes(models: DeviceModels, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Ollama"], responses=CHANGE_ERRORS)

    @router.delete("/api/delete", openapi_extra=body_schema(NamedRequest), response_class=PlainTextResponse)
    async def delete(request: Request) -> Response:
        body = await read_body(request, NamedRequest)
        names.resolve(body.asked)
        name = names.bare(body.asked)
        if name in names.aliases:
            await models.remove_alias(name)
        else:
            await models.delete(name)
        return PlainTextResponse("")

    @router.post("/api/copy", openapi_extra=body_schema(CopyRequest), response_class=PlainTextResponse)
    async def copy(request: Request) -> Response:
        body = await read_body(request, CopyRequest)
        model = names.resolve(body.source)
        source = names.aliases.get(names.bare(body.source), ModelAlias(model=model.id))
        await models.set_alias(names.bare(body.destination), source)
        return PlainTextResponse("")

    @router.post("/api/create", openapi_extra=body_schema(CreateRequest), responses=answer(OllamaStatus, stream=LINES))
    async def create(request: Request) -> Response:
        body = await read_body(request, CreateRequest)
        body.refuse_unsupported()
        name = names.bare(body.asked)
        await models.set_alias(name, _derived(body, names))
        if body.stream is False:
            return JSON({"status": "success"})
        return StreamResponse(_success(), media_type=LINES)

    @router.head("/api/blobs/{digest}")
    @router.post("/api/blobs/{digest}")
    async def blobs(request: Request, digest: str) -> Response:
        if request.method == "HEAD":
            return Response(status_code=404)
        raise InvalidRequest("Model files cannot be uploaded: pull a model, or put it into the models folder.")

    @router.post("/api/push", openapi_extra=body_schema(PushRequest))
    async def push(request: Request) -> Response:
        await read_body(request, PushRequest)
        raise InvalidRequest("Models cannot be pushed: this server has no account at any registry.")

    return router


def _derived(body: CreateRequest, names: ModelNames) -> ModelAlias:
    """Raises `InvalidRequest` and `ModelNotFound`."""
    if not body.from_:
        raise InvalidRequest("from is required: the model to derive from", param="from")
    model = names.resolve(body.from_)
    if body.template is not None:
        _check_template(body.template)
    before = model.model_defaults
    return ModelAlias(
        model=model.id,
        system=body.system if body.system is not None else before.system,
        template=body.template if body.template is not None else before.template,
        parameters=(body.parameters or Options()).sampling().over(before.sampling).given(),
    )


def _check_template(template: str) -> None:
    if "{%" not in template and "messages" not in template:
        raise InvalidRequest(
            "The template is none of Jinja, which is what models have here; Ollama's own templates do not work.",
            param="template",
        )
    try:
        ChatTemplate(template, {})
    except TemplateRefused as error:
        raise InvalidRequest(f"The template is not valid Jinja: {error}", param="template") from error


async def _success() -> AsyncGenerator[bytes, None]:
    for status in ("parsing modelfile", "writing manifest", "success"):
        yield ndjson({"status": status})
