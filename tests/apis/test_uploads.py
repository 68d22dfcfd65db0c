"""Uploads of every kind that are not what they should be: a clear refusal, and nothing stays on the disk."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configuration.device_config import ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import MODELS, serving
from tests.helpers import http, wait_until
from tests.media.sounds import file_of, tone, wav

WHISPER, DRAWS = "test/whisper", "test/image"
SOUND = file_of("flac", tone(60.0, loudness=0.9))
ROUTES = {
    "/v1/audio/transcriptions": ("file", WHISPER, SOUND),
    "/v1/audio/translations": ("file", WHISPER, SOUND),
    "/v1/images/edits": ("image", DRAWS, b""),
    "/v1/images/variations": ("image", DRAWS, b""),
}
LARGE = 3_000_000
"""Bytes: more than is kept in memory while a form is read."""


def noisy_png(side: int = 900) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.effect_noise((side, side), 90).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def png_bomb(side: int = 30_000) -> bytes:
    """A few kilobytes that are a picture of 900 million pixels."""
    row = zlib.compressobj()
    pixels = b"".join(row.compress(bytes(side // 8 + 1)) for _ in range(side)) + row.flush()

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


PICTURE = noisy_png()


def good(path: str) -> bytes:
    return ROUTES[path][2] or PICTURE


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The only place where temporary files are made meanwhile."""
    folder, before = tmp_path_factory.mktemp("temporary"), tempfile.tempdir
    tempfile.tempdir = str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def url(temporary: Path, data_dir: Path) -> Iterator[str]:
    models = [ModelAssignment(id=name, path=str(MODELS / name.replace("/", "_"))) for name in (WHISPER, DRAWS)]
    with serving(make_app(data_dir, models=models)) as base:
        yield base


@pytest.fixture(autouse=True)
def nothing_stays(temporary: Path, data_dir: Path, url: str) -> Iterator[None]:
    def files() -> list[Path]:
        """Compiled models and measured costs belong there."""
        found = [path for folder in (temporary, data_dir) for path in folder.rglob("*") if path.is_file()]
        return [path for path in found if not {"cache_gpu", ".memory"} & {*path.parts}]

    before = files()
    yield
    assert files() == before


def send(url: str, path: str, data: bytes, name: str = "a.bin") -> httpx.Response:
    field, model, _ = ROUTES[path]
    return http.post(f"{url}{path}", data={"model": model, "prompt": "a"}, files={field: (name, data)})


def refused(response: httpx.Response, param: str | None = None) -> None:
    assert 400 <= response.status_code < 500, response.text
    error = response.json()["error"]
    assert error["message"]
    assert param is None or error["param"] == param


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"PK\x03\x04" + bytes(99), b"<html>" * 99, b"%PDF-1.7" + bytes(LARGE), bytes(LARGE)],
    ids=["nothing", "a byte", "an archive", "a page", "a document", "zeros"],
)
def test_a_file_of_another_type_is_refused(url: str, path: str, data: bytes) -> None:
    refused(send(url, path, data), ROUTES[path][0])


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/variations"])
def test_half_a_picture_is_refused(url: str, path: str) -> None:
    refused(send(url, path, PICTURE[: len(PICTURE) // 2]), "image")


@pytest.mark.parametrize("path", ROUTES)
def test_a_form_that_ends_early_is_refused(url: str, path: str) -> None:
    field, model, _ = ROUTES[path]
    request = httpx.Request("POST", url, data={"model": model}, files={field: ("a", good(path) + bytes(LARGE))})
    body, kind = request.read(), request.headers["content-type"]
    refused(http.post(f"{url}{path}", content=body[: len(body) // 2], headers={"Content-Type": kind}))


@pytest.mark.parametrize("path", ROUTES)
def test_a_declared_length_that_is_too_large_is_refused_at_once(url: str, path: str) -> None:
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("path", ROUTES)
def test_a_client_that_leaves_halfway_leaves_nothing(url: str, path: str, temporary: Path) -> None:
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(2 * LARGE))
    connection.endheaders()
    head = f'--x\r\nContent-Disposition: form-data; name="{ROUTES[path][0]}"; filename="a"\r\n\r\n'
    connection.send(head.encode() + bytes(LARGE))
    connection.close()
    wait_until(lambda: not list(temporary.iterdir()))


@pytest.mark.parametrize("path", ROUTES)
def test_a_packed_body_that_unpacks_to_too_much_is_refused(url: str, path: str) -> None:
    field, model, _ = ROUTES[path]
    request = httpx.Request("POST", url, data={"model": model}, files={field: ("a", bytes(200_000_000))})
    packed = gzip.compress(request.read(), 1)
    headers = {"Content-Type": request.headers["content-type"], "Content-Encoding": "gzip"}
    answer = http.post(f"{url}{path}", content=packed, headers=headers)
    assert (answer.status_code, bool(answer.json()["error"]["message"])) == (413, True)


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/variations"])
def test_a_small_picture_of_too_many_pixels_is_refused(url: str, path: str) -> None:
    bomb = png_bomb()
    assert len(bomb) < 200_000
    refused(send(url, path, bomb), "image")


def test_a_mask_is_no_less_looked_at(url: str) -> None:
    for data in (b"", b"x" * 99, png_bomb()):
        files = {"image": ("a.png", PICTURE), "mask": ("m.png", data)}
        refused(http.post(f"{url}/v1/images/edits", data={"model": DRAWS, "prompt": "a"}, files=files), "mask")


def test_a_small_recording_of_many_hours_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.decode.decoded.__kwdefaults__", {"max_seconds": 20.0})
    silence = file_of("flac", tone(60.0, loudness=0.0))
    assert len(silence) < 30_000
    for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
        response = send(url, path, silence)
        refused(response, "file")
        assert "longer than" in response.json()["error"]["message"]


_PLACES = st.floats(0, 1)
"""Within a file, as the length of what an encoder writes differs from one machine to another."""


@settings(max_examples=25)
@given(path=st.sampled_from([*ROUTES]), data=st.data())
def test_a_damaged_upload_is_refused_or_taken(url: str, path: str, data: st.DataObject) -> None:
    """Images that can be decoded all the same ask for a model that is not there, so that none is drawn."""
    whole = bytearray(wav(tone(0.5)) if path.startswith("/v1/audio") else noisy_png(64))
    for _ in range(data.draw(st.integers(0, 6))):
        whole[int(data.draw(_PLACES) * (len(whole) - 1))] = data.draw(st.integers(0, 255))
    field, _, _ = ROUTES[path]
    fields = {"model": WHISPER if path.startswith("/v1/audio") else "test/nothing", "prompt": "a", "language": "xx"}
    cut = bytes(whole[: int(data.draw(_PLACES) * len(whole))])
    answer = http.post(f"{url}{path}", data=fields, files={field: ("a", cut)})
    if answer.status_code == 200:
        assert isinstance(answer.json()["text"], str)
    else:
        refused(answer)
