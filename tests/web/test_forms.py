"""Forms: files and fields as they were sent, and one field found without reading the rest."""

from __future__ import annotations

import httpx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient

from apis.errors import install_error_handlers
from web.forms import field_of_form, read_form
from web.streaming import JSON


class Fields(BaseModel):
    model: str
    count: int = 1
    several: list[str] = []


async def _echo(request: Request) -> JSON:
    form = await read_form(request)
    fields = form.read(Fields)
    return JSON({**fields.model_dump(), "file": len(form.file("file"))})


APP = Starlette(routes=[Route("/", _echo, methods=["POST"])])
install_error_handlers(APP)
CLIENT = TestClient(APP)


def encoded(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    request = httpx.Request("POST", "http://x/", data=fields, files={"file": ("a.wav", file)})
    return request.read(), request.headers["content-type"]


def test_fields_are_read_as_the_schema_says() -> None:
    fields = {"model": "m", "count": "3", "several[]": ["a", "b"]}
    answer = CLIENT.post("/", data=fields, files={"file": ("a", b"12345")})
    assert answer.json() == {"model": "m", "count": 3, "several": ["a", "b"], "file": 5}
    single = CLIENT.post("/", data={"model": "m", "several[]": "a"}, files={"file": ("a", b"")})
    assert single.json()["several"] == ["a"]


def test_what_is_wrong_is_named() -> None:
    def error(fields: dict[str, str], name: str = "file") -> dict[str, str]:
        answer = CLIENT.post("/", data=fields, files={name: ("a", b"1")})
        assert answer.status_code == 400
        return answer.json()["error"]

    assert error({})["param"] == "model"
    assert error({"model": "m", "count": "x"})["param"] == "count"
    assert error({"model": "m"}, "other")["param"] == "file"
    several = CLIENT.post("/", data={"model": "m"}, files=[("file", ("a", b"1")), ("file", ("b", b"2"))])
    assert "one file" in several.json()["error"]["message"]


@given(model=st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()), file=st.binary(max_size=3000))
def test_one_field_is_found_among_any_bytes(model: str, file: bytes) -> None:
    body, content_type = encoded({"language": "en", "model": model, "prompt": "model"}, file)
    assert field_of_form(body, content_type, "model") == model
    assert field_of_form(body, content_type, "nothing") is None


@given(st.binary(max_size=500), st.sampled_from(["", "; boundary=", "; boundary=x", "; boundary=" + "y" * 90]))
def test_rubbish_names_nothing(body: bytes, boundary: str) -> None:
    assert field_of_form(body, f"multipart/form-data{boundary}", "model") is None


@given(st.data())
def test_a_form_that_is_cut_off_is_no_fault_of_the_server(data: st.DataObject) -> None:
    body, content_type = encoded({"model": "m"}, b"12345")
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    answer = CLIENT.post("/", content=cut, headers={"Content-Type": content_type})
    assert answer.status_code in (200, 400)
    assert field_of_form(cut, content_type, "model") in (None, "", "m")
