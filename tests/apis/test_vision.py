"""Images by every API, to a vision-language model of random weights: what it says depends on what it sees."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest
from PIL import Image

from chat.pictures import Picture, PictureLoader
from chat.tokenizer import ChatTokenizer
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, VISION, Script, serving
from web.public_fetch import PublicFetch

QUESTION = "What is it?"
Ask = Callable[[str, bytes], str]


def png(colour: str, size: tuple[int, int] = (60, 40), form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, form)
    return buffer.getvalue()


def data_url(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def by_chat(url: str, image: bytes) -> str:
    content = [{"type": "image_url", "image_url": {"url": data_url(image)}}, {"type": "text", "text": QUESTION}]
    answer = openai.OpenAI(base_url=f"{url}/v1", api_key="any").chat.completions.create(
        model=VISION,
        max_tokens=12,
        temperature=0,
        reasoning_effort="none",
        messages=[{"role": "user", "content": content}],  # pyright: ignore[reportArgumentType]
    )
    return answer.choices[0].message.content or ""


def by_responses(url: str, image: bytes) -> str:
    content = [{"type": "input_image", "image_url": data_url(image)}, {"type": "input_text", "text": QUESTION}]
    return (
        openai.OpenAI(base_url=f"{url}/v1", api_key="any")
        .responses.create(
            model=VISION,
            max_output_tokens=12,
            temperature=0,
            reasoning={"effort": "none"},
            input=[{"role": "user", "content": content}],  # pyright: ignore[reportArgumentType]
        )
        .output_text
    )


def by_ollama_chat(url: str, image: bytes) -> str:
    message = {"role": "user", "content": QUESTION, "images": [image]}
    answer = ollama.Client(url).chat(
        VISION, messages=[message], think=False, options={"num_predict": 12, "temperature": 0}
    )
    return answer.message.content or ""


def by_ollama_generate(url: str, image: bytes) -> str:
    options = {"num_predict": 12, "temperature": 0}
    return ollama.Client(url).generate(VISION, QUESTION, images=[image], think=False, options=options).response or ""


def by_anthropic(url: str, image: bytes) -> str:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(image).decode()}
    answer = anthropic.Anthropic(base_url=url, api_key="any").messages.create(
        model=VISION,
        max_tokens=12,
        extra_body={"temperature": 0},
        messages=[
            {
                "role": "user",
                "content": [{"type": "image", "source": source}, {"type": "text", "text": QUESTION}],  # pyright: ignore[reportArgumentType]
            }
        ],
    )
    block = answer.content[0]
    assert block.type == "text"
    return block.text


WAYS: list[Ask] = [by_chat, by_responses, by_ollama_chat, by_ollama_generate, by_anthropic]


@pytest.mark.parametrize("ask", WAYS)
def test_the_answer_is_about_the_image(server: str, ask: Ask) -> None:
    red = ask(server, png("red"))
    assert red
    assert ask(server, png("red")) == red
    assert ask(server, png("blue")) != red


@pytest.mark.parametrize("ask", WAYS)
def test_every_api_makes_the_same_prompt(scripted: str, script: Script, ask: Ask) -> None:
    ask(scripted, png("red"))
    (multimodal,) = script.multimodals
    assert multimodal is not None
    assert f"<ov_genai_image_0>{QUESTION}" in multimodal.prompt
    (image,) = multimodal.images
    assert (image.width, image.height, image.pixels[:3]) == (60, 40, b"\xff\x00\x00")


def test_images_keep_their_places(scripted: str, script: Script) -> None:
    _chat(scripted, ["A", _part(png("red")), "B", _part(png("blue")), _part(png("red")), "C"])
    (multimodal,) = script.multimodals
    assert multimodal is not None
    assert "A<ov_genai_image_0>B<ov_genai_image_1><ov_genai_image_2>C" in multimodal.prompt
    assert [image.pixels[:3] for image in multimodal.images] == [b"\xff\x00\x00", b"\x00\x00\xff", b"\xff\x00\x00"]


def test_the_usage_counts_what_the_image_took(server: str) -> None:
    without = _chat(server, [QUESTION]).json()["usage"]["prompt_tokens"]
    with_image = _chat(server, [_part(png("red")), QUESTION]).json()["usage"]["prompt_tokens"]
    assert with_image == without + 16 + 1  # its patches, and the line's end that this family puts behind them


def test_text_alone_streams_too(server: str) -> None:
    stream = ollama.Client(server).chat(
        VISION, messages=[{"role": "user", "content": "Hi"}], stream=True, options={"num_predict": 5, "seed": 1}
    )
    last = list(stream)[-1]
    assert last.done
    assert (last.prompt_eval_count or 0) > 5


def test_texts_are_continued(server: str) -> None:
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="any")
    by_text = client.completions.create(model=VISION, prompt="abc", max_tokens=6, temperature=0)
    assert by_text.usage is not None
    assert by_text.usage.prompt_tokens == 3
    ids = ChatTokenizer(MODELS / "test_vision").encode("abc")
    by_ids = client.completions.create(model=VISION, prompt=ids, max_tokens=6, temperature=0)
    assert by_ids.choices[0].text == by_text.choices[0].text


def test_images_and_a_grammar_go_together(server: str) -> None:
    schema = {"type": "object", "properties": {"red": {"type": "boolean"}}, "required": ["red"]}
    answer = _chat(
        server,
        [_part(png("red")), QUESTION],
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        max_tokens=60,
    ).json()
    assert '"red"' in answer["choices"][0]["message"]["content"]


def test_what_sees_says_so(server: str) -> None:
    assert "vision" in (ollama.Client(server).show(VISION).capabilities or [])
    assert "vision" not in (ollama.Client(server).show(CHAT).capabilities or [])


@pytest.mark.parametrize("ask", WAYS)
def test_a_model_of_text_refuses_images(server: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.apis.test_vision.VISION", CHAT)
    with pytest.raises((openai.BadRequestError, ollama.ResponseError, anthropic.BadRequestError), match="vision"):
        ask(server, png("red"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:image/png;base64,AAAA", "no readable image"),
        ("data:image/png;base64,%%%", "base64"),
        ("data:image/png,hello", "neither a data URL"),
        ("file:///etc/hosts", "neither a data URL"),
        ("https://example.com/cat.png", "allow_image_urls"),
        (data_url(png("red", (9000, 8000), "GIF")), "million pixels"),
        (data_url(png("red")[:60]), "no readable image"),
        (data_url(png("red", form="TIFF")), "no readable image"),
        ("data:image/png;base64," + "A" * (28 * 1024 * 1024), "20 MiB"),
    ],
)
def test_bad_images_are_refused(server: str, url: str, reason: str) -> None:
    response = _chat(server, [{"type": "image_url", "image_url": {"url": url}}, QUESTION])
    assert response.status_code == 400
    error = response.json()["error"]
    assert reason in error["message"]
    assert error["param"] == "messages[0].content"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0"])
def test_urls_of_this_network_are_refused_where_urls_are_allowed(tmp_path: Path, script: Script, host: str) -> None:
    with serving(make_app(tmp_path, script.instance_maker(), allow_image_urls=True)) as url:
        port = url.rpartition(":")[2]
        part = {"type": "image_url", "image_url": {"url": f"http://{host}:{port}/image.png"}}
        response = _chat(url, [part, QUESTION])
    assert response.status_code == 400
    assert "public internet" in response.json()["error"]["message"]
    assert not script.prompts


async def test_a_url_that_is_allowed_is_looked_at() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.215.14"]

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=png("red")))
    loader = PictureLoader(PublicFetch(resolve=resolve, transport=transport))
    (image,) = await loader.load([Picture("https://cats.example/a.png", "messages")])
    assert (image.width, image.height, image.pixels[:3]) == (60, 40, b"\xff\x00\x00")


def test_too_many_images_are_refused(server: str) -> None:
    response = _chat(server, [_part(png("red"))] * 33)
    assert response.status_code == 400


def test_other_parts_are_refused(server: str) -> None:
    response = _chat(server, [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}])
    assert response.status_code == 400
    assert "input_audio" in response.json()["error"]["message"]


def test_large_images_are_made_smaller(scripted: str, script: Script) -> None:
    big = png("red", (4000, 1000))
    _chat(scripted, [_part(big), {"type": "image_url", "image_url": {"url": data_url(big), "detail": "low"}}])
    (multimodal,) = script.multimodals
    assert multimodal is not None
    assert [(image.width, image.height) for image in multimodal.images] == [(2048, 512), (512, 128)]


def test_transparency_is_white(scripted: str, script: Script) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(buffer, "PNG")
    _chat(scripted, [_part(buffer.getvalue())])
    (multimodal,) = script.multimodals
    assert multimodal is not None
    assert multimodal.images[0].pixels == b"\xff" * 300


def _part(image: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(image)}}


def _chat(url: str, content: list[str | dict[str, Any]], **fields: Any) -> httpx.Response:
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    body = {"model": VISION, "messages": [{"role": "user", "content": parts}], "max_tokens": 8, **fields}
    return httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
