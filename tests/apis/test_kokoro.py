"""Kokoro's layout through the library, with a model of next to no weights: voices, speed and languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from configuration.device_config import ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import serving
from tests.helpers import http
from tests.media.kokoro import build_kokoro

KOKORO = "test/kokoro"
VOICES = ("af_one", "am_two", "bf_three", "zf_four")


def speaking(folder: Path, **built: Any) -> Any:
    model = folder / "模型 kokoro"
    model.mkdir()
    build_kokoro(model, **built)
    return serving(make_app(folder, models=[ModelAssignment(id=KOKORO, path=str(model))]))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with speaking(tmp_path_factory.mktemp("kokoro"), voices=VOICES) as base:
        yield base


def say(url: str, text: str = "Hello there.", **fields: Any) -> httpx.Response:
    body = {"model": KOKORO, "input": text, "response_format": "pcm", **fields}
    return http.post(f"{url}/v1/audio/speech", json=body)


def test_the_voices_are_those_of_its_folder(url: str) -> None:
    voices = http.get(f"{url}/v1/audio/voices", params={"model": KOKORO}).json()["voices"]
    assert [voice["id"] for voice in voices] == sorted(VOICES)


def test_each_voice_is_another_and_openais_names_mean_the_first(url: str) -> None:
    said = {voice: say(url, voice=voice).content for voice in ("af_one", "am_two", "bf_three")}
    assert len(set(said.values())) == 3
    assert all(said.values())
    assert say(url, voice="alloy").content == said["af_one"]


def test_speed_makes_it_shorter(url: str) -> None:
    assert len(say(url, speed=2.0).content) == pytest.approx(len(say(url).content) / 2, rel=0.05)


def test_a_voice_says_which_english_it_speaks(url: str) -> None:
    text = "Hello tomato."
    british = say(url, text, voice="bf_three").content
    assert british == say(url, text, voice="bf_three", language="en-gb").content
    assert british != say(url, text, voice="bf_three", language="en-us").content


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"voice": "nobody"}, "no voice 'nobody'"),
        ({"voice": "zf_four"}, "does not speak"),
        ({"language": "xx"}, "en-us"),
        ({"text": "你好"}, "nothing to say"),
    ],
)
def test_what_it_cannot_say_is_refused(url: str, fields: dict[str, Any], reason: str) -> None:
    response = say(url, **fields)
    assert response.status_code == 400, response.text
    assert reason in response.json()["error"]["message"]


def test_a_folder_without_the_dictionary_says_what_is_missing(tmp_path: Path) -> None:
    with speaking(tmp_path, voices=("af_one",), dictionary=False) as url:
        response = say(url)
    assert response.status_code >= 400
    assert "us_gold.json" in response.json()["error"]["message"]
