"""Reading multipart/form-data: files and fields, as strictly as JSON bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.bodies import explained
from web.errors import InvalidRequest

_MAX_FILES = 16
_MAX_FIELDS = 64
_MAX_FIELD_BYTES = 1_000_000

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Form:
    """Files and fields by name, in the order in which they came; `name[]` is `name`."""

    files: Mapping[str, Sequence[bytes]]
    fields: Mapping[str, Sequence[str]]

    def file(self, name: str) -> bytes:
        """The one file of that name. Raises `InvalidRequest`."""
        given = self.files.get(name, ())
        if not given:
            sort = "must be a file, not text" if name in self.fields else "is required, as a file"
            raise InvalidRequest(f"{name} {sort}", param=name)
        if len(given) > 1:
            raise InvalidRequest(f"{name} must be one file, not {len(given)}.", param=name)
        return given[0]

    def read(self, schema: type[T]) -> T:
        """The fields as a `schema`; texts are read as the types that it has. Raises `InvalidRequest` naming the field;
        unknown fields are ignored."""
        values = {
            name: list(given) if len(given) > 1 or name in _lists(schema) else given[0]
            for name, given in self.fields.items()
        }
        try:
            return schema.model_validate(values)
        except ValidationError as error:
            raise explained(error) from error


def _lists(schema: type[BaseModel]) -> set[str]:
    return {name for name, field in schema.model_fields.items() if "list[" in str(field.annotation)}


async def read_form(request: Request) -> Form:
    """Raises `InvalidRequest` on a body that is no form. Nothing of it is left on the disk."""
    if not is_form(request.headers.get("content-type")):
        raise InvalidRequest("The request body must be multipart/form-data.")
    files: dict[str, list[bytes]] = {}
    fields: dict[str, list[str]] = {}
    try:
        async with request.form(max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES) as form:
            for name, value in form.multi_items():
                plain = name.removesuffix("[]")
                if isinstance(value, UploadFile):
                    files.setdefault(plain, []).append(await value.read())
                else:
                    fields.setdefault(plain, []).append(value)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise InvalidRequest(f"The request body is not valid multipart/form-data: {error.detail}") from error
    return Form(files, fields)


def is_form(content_type: str | None) -> bool:
    return (content_type or "").lower().startswith("multipart/form-data")


def field_of_form(body: bytes, content_type: str, name: str) -> str | None:
    """One field of a form whose other parts are not looked at; None where it is not there."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        return None
    reader = _FieldReader(name.encode())
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # pyright: ignore[reportArgumentType]
        parser.write(body)
    except MultipartParseError:
        return None  # a device will find the words for that
    return None if reader.value is None else reader.value.decode("utf-8", "replace")


class _FieldReader:
    def __init__(self, name: bytes) -> None:
        self.value: bytes | None = None
        self._name = name
        self._header = b""
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._wanted = False

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._look,
            "on_part_data": self._take,
        }

    def _begin(self) -> None:
        self._headers, self._field, self._header, self._wanted = {}, b"", b"", False

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._header
        self._field = self._header = b""

    def _look(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._wanted = self.value is None and options.get(b"name") == self._name and b"filename" not in options
        if self._wanted:
            self.value = b""

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._wanted and self.value is not None and len(self.value) < _MAX_FIELD_BYTES:
            self.value += data[start:end]
