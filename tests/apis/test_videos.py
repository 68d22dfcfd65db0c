"""Videos in a conversation, to a vision-language model of random weights; elsewhere a clear refusal."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import openai
import pytest

from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from hardware.devices import DeviceInfo
from model_files.model_facts import read_facts
from server_app import build_device_server, create_app
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, VISION, serving
from tests.apis.test_vision import png
from tests.helpers import http
from tests.media.clips import BLUE, GREEN, RED, clip
from tests.media.sounds import tone, wav
from tests.support.ports import free_port

TAKES_VIDEO = "test/video"
NPU_ON_CPU = {"NPUW_DEVICES": "CPU", "NPUW_ONLINE_PIPELINE": "NONE"}


def assigned(*names: str, **settings: Any) -> list[ModelAssignment]:
    return [ModelAssignment(id=name, path=str(MODELS / name.replace("/", "_")), **settings) for name in names]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = assigned(TAKES_VIDEO, VISION, CHAT, max_concurrent=4)
    with serving(make_app(tmp_path_factory.mktemp("videos"), models=models)) as base:
        yield base


def data_url(data: bytes, kind: str = "video/mp4") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def video(data: bytes) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": data_url(data)}}


def image(data: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(data, "image/png")}}


def ask(url: str, *parts: dict[str, Any], model: str = TAKES_VIDEO, **fields: Any) -> httpx.Response:
    content = [*parts, {"type": "text", "text": "What happens?"}]
    body = {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 12, "temperature": 0}
    return http.post(f"{url}/v1/chat/completions", json={**body, "reasoning_effort": "none", **fields})


def told(url: str, *parts: dict[str, Any], **fields: Any) -> str:
    response = ask(url, *parts, **fields)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def test_the_answer_is_about_the_video(url: str) -> None:
    red = told(url, video(clip(*[RED] * 8)))
    assert red == told(url, video(clip(*[RED] * 8)))
    assert red != told(url, video(clip(*[BLUE] * 8)))


def test_when_things_happen_is_seen(url: str) -> None:
    first, last = [RED] * 8 + [BLUE] * 8, [BLUE] * 8 + [RED] * 8
    assert told(url, video(clip(*first))) != told(url, video(clip(*last)))


def test_the_usage_counts_what_the_video_took(url: str) -> None:
    without = ask(url).json()["usage"]["prompt_tokens"]
    short = ask(url, video(clip(*[RED] * 8))).json()["usage"]["prompt_tokens"]
    long = ask(url, video(clip(*[RED] * 32))).json()["usage"]["prompt_tokens"]
    assert without < short < long


def test_videos_and_images_go_together(url: str) -> None:
    clips = video(clip(RED, BLUE)), video(clip(GREEN, GREEN))
    mixed = told(url, clips[0], image(png("red", (64, 64))), clips[1])
    assert mixed != told(url, clips[1], image(png("red", (64, 64))), clips[0])


def test_a_stream_is_about_the_video_too(url: str) -> None:
    parts: Any = [video(clip(*[RED] * 8)), {"type": "text", "text": "What happens?"}]
    stream = openai.OpenAI(base_url=f"{url}/v1", api_key="any").chat.completions.create(
        model=TAKES_VIDEO,
        messages=[{"role": "user", "content": parts}],
        max_tokens=12,
        temperature=0,
        reasoning_effort="none",
        stream=True,
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == told(url, video(clip(*[RED] * 8)))


def test_the_npu_takes_videos_too(tmp_path: Path) -> None:
    devices = [DeviceInfo("CPU", "Test CPU", None), DeviceInfo("NPU", "Test NPU", None)]
    store = ConfigStore(tmp_path / "device_config.json")
    models = assigned(TAKES_VIDEO, extra_config=NPU_ON_CPU)
    store.save(Configuration(devices={"npu": DeviceSettings(port=11436, device="NPU", models=models)}))
    device = build_device_server("npu", store.load(), tmp_path, devices, store=store)
    with serving(create_app(device, host="127.0.0.1", admin_port=free_port())) as url:
        assert told(url, video(clip(*[RED] * 8))) != told(url, video(clip(*[BLUE] * 8)))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (video(b""), "no readable video"),
        (video(b"GIF89a" + bytes(99)), "no readable video"),
        (video(clip(RED)[:60]), "cannot be decoded"),
        (video(clip(*[RED] * 130, fps=1)), "longer than 120 seconds"),
        ({"type": "video_url", "video_url": {"url": "https://example.com/cat.mp4"}}, "allow_image_urls"),
        ({"type": "video_url", "video_url": {"url": "file:///etc/hosts"}}, "neither a data URL"),
        ({"type": "video_url"}, "give text, image_url and video_url"),
        (image(clip(RED, RED)), "as video_url"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "/v1/audio/transcriptions"),
    ],
)
def test_what_cannot_be_seen_is_refused(url: str, part: dict[str, Any], reason: str) -> None:
    response = ask(url, part)
    assert response.status_code == 400
    error = response.json()["error"]
    assert reason in error["message"]
    assert error["param"] == "messages[0].content"


def test_too_many_videos_are_refused(url: str) -> None:
    response = ask(url, *[video(clip(RED))] * 5)
    assert (response.status_code, "5 videos" in response.text) == (400, True)


@pytest.mark.parametrize(("model", "reason"), [(VISION, "takes images but no videos"), (CHAT, "takes text only")])
def test_a_model_that_takes_no_videos_says_so(url: str, model: str, reason: str) -> None:
    response = ask(url, video(clip(RED)), model=model)
    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "reason"), [("input_audio", "/v1/audio/transcriptions"), ("input_video", "/v1/chat/completions")]
)
def test_responses_say_where_such_parts_go(url: str, kind: str, reason: str) -> None:
    content = [{"type": kind}, {"type": "input_text", "text": "?"}]
    response = http.post(
        f"{url}/v1/responses", json={"model": TAKES_VIDEO, "input": [{"role": "user", "content": content}]}
    )
    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]


@pytest.mark.parametrize(("kind", "reason"), [("audio", "/v1/audio/transcriptions"), ("video", "/v1/chat/completions")])
def test_messages_say_where_such_blocks_go(url: str, kind: str, reason: str) -> None:
    block = {"type": kind, "source": {"type": "base64", "media_type": f"{kind}/x", "data": "AAAA"}}
    body = {"model": TAKES_VIDEO, "max_tokens": 9, "messages": [{"role": "user", "content": [block]}]}
    response = http.post(f"{url}/v1/messages", json=body)
    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("data", "reason"), [(wav(tone(0.2)), "/v1/audio/transcriptions"), (clip(RED, RED), "/v1/chat/completions")]
)
def test_ollama_says_where_such_data_goes(url: str, data: bytes, reason: str) -> None:
    with pytest.raises(ollama.ResponseError, match=reason) as refused:
        ollama.Client(url).generate(TAKES_VIDEO, "?", images=[data])
    assert refused.value.status_code == 400


def test_what_takes_videos_says_so() -> None:
    assert "video" in read_facts(MODELS / "test_video").abilities
    assert "video" not in read_facts(MODELS / "test_vision").abilities
