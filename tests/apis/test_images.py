"""Pictures with a real worker on a tiny Stable Diffusion, by OpenAI's official client."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import openai
import PIL.Image
import pytest

from configuration.device_config import ModelAssignment
from media.image_store import KEPT_SECONDS, ImageStore
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, serving
from tests.helpers import http, wait_until

DRAWS = "test/image"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = [
        ModelAssignment(id=model, path=str(MODELS / model.replace("/", "_")), max_concurrent=4)
        for model in (CHAT, DRAWS)
    ]
    with serving(make_app(tmp_path_factory.mktemp("images"), models=models)) as base:
        yield base


@pytest.fixture
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


def seen(data: str | None) -> PIL.Image.Image:
    assert data
    return PIL.Image.open(io.BytesIO(base64.b64decode(data)))


def png(size: tuple[int, int], mode: str = "RGB", colour: Any = "red") -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def draw(client: openai.OpenAI, **options: Any) -> Any:
    extra = {"steps": 2, "seed": 7, **options.pop("extra_body", {})}
    return client.images.generate(
        model=DRAWS, prompt="a cat", size=options.pop("size", "64x64"), extra_body=extra, **options
    )


def test_a_picture_has_the_size_that_was_asked_for(client: openai.OpenAI) -> None:
    answer = draw(client, size="64x128")
    assert seen(answer.data[0].b64_json).size == (64, 128)


def test_the_same_seed_makes_the_same_picture_and_each_of_several_another(client: openai.OpenAI) -> None:
    several = [each.b64_json for each in draw(client, n=3).data]
    assert len(set(several)) == 3
    assert draw(client).data[0].b64_json == several[0]
    assert draw(client, extra_body={"seed": 8}).data[0].b64_json == several[1]


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_formats(client: openai.OpenAI, form: Any) -> None:
    assert seen(draw(client, output_format=form).data[0].b64_json).format == form.upper()


def test_a_picture_can_be_fetched(client: openai.OpenAI, url: str) -> None:
    made = draw(client, response_format="url").data[0].url
    fetched = http.get(made)
    assert fetched.headers["content-type"] == "image/png"
    assert PIL.Image.open(io.BytesIO(fetched.content)).size == (64, 64)
    assert http.get(f"{url}/v1/images/nothing").status_code == 404


def test_a_stream_shows_pictures_on_the_way(client: openai.OpenAI) -> None:
    whole = draw(client, extra_body={"steps": 40}).data[0].b64_json
    shown: list[int] = []

    def both_are_shown() -> bool:
        """A picture that is soon finished may come before those on the way, as OpenAI has it."""
        events = list(draw(client, stream=True, partial_images=2, extra_body={"steps": 40}))
        kinds = [event.type for event in events]
        shown[:] = [event.partial_image_index for event in events[:-1]]
        assert kinds == [*["image_generation.partial_image"] * len(shown), "image_generation.completed"]
        assert shown == [0, 1][: len(shown)]
        assert all(seen(event.b64_json).size == (64, 64) for event in events)
        assert events[-1].b64_json == whole
        return len(shown) == 2

    wait_until(both_are_shown)


def test_a_picture_is_changed_where_the_mask_says(client: openai.OpenAI) -> None:
    image = png((64, 64))
    mask = PIL.Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 64, 32))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    extra = {"steps": 4, "seed": 1}
    for given in (openai.omit, buffer.getvalue()):
        made = client.images.edit(model=DRAWS, image=image, mask=given, prompt="a dog", extra_body=extra)
        assert made.data
        assert seen(made.data[0].b64_json).size == (64, 64)


def test_variations(client: openai.OpenAI) -> None:
    with pytest.deprecated_call():  # by OpenAI's client
        made = client.images.create_variation(model=DRAWS, image=png((64, 64)), n=2, extra_body={"steps": 4})
    assert made.data
    assert len({each.b64_json for each in made.data}) == 2


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"size": "big"}, "size"),
        ({"size": "63x64"}, "size"),
        ({"size": "9999999x64"}, "size"),
        ({"n": 11}, "n"),
        ({"steps": 0}, "steps"),
        ({"stream": True, "n": 2}, "n"),
        ({"model": CHAT}, "model"),
    ],
)
def test_what_cannot_be_drawn_is_refused(url: str, change: dict[str, Any], param: str) -> None:
    body = {"model": DRAWS, "prompt": "a cat", "size": "64x64", "steps": 1, **change}
    response = http.post(f"{url}/v1/images/generations", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("data", [b"", b"x" * 99, png((64, 64))[:40], b"GIF89a" + b"\0" * 50])
def test_a_file_that_is_no_picture_is_refused(url: str, data: bytes) -> None:
    form = {"model": DRAWS, "prompt": "a cat"}
    response = http.post(f"{url}/v1/images/edits", data=form, files={"image": ("a.png", data)})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "image")


def test_steps_are_counted(client: openai.OpenAI, url: str) -> None:
    draw(client, n=2, extra_body={"steps": 3})
    wait_until(lambda: http.get(f"{url}/activity").json()["ended"][-1]["steps"] == 6)


def test_pictures_are_kept_for_a_bounded_time_and_size() -> None:
    now = [0.0]
    store = ImageStore(lambda: now[0])
    first = store.put(b"1", "image/png")
    assert store.get(first) == (b"1", "image/png")
    now[0] = KEPT_SECONDS + 1
    assert store.get(first) is None
    large = [store.put(bytes(90 * 10**6), "image/png") for _ in range(3)]
    assert [store.get(name) is not None for name in large] == [False, True, True]
