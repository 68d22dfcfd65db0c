"""What holds for chat holds for the other kinds: a lost instance, a client that leaves, a full queue, little memory."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from configuration.device_config import ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import EMBEDDING, MODELS, serving
from tests.helpers import http, kill, wait_until
from tests.media.sounds import tone, wav

WHISPER, SPEECH, DRAWS = "test/whisper", "test/speech", "test/image"
LONG = wav(tone(280.0))


@contextmanager
def device(data_dir: Path, *names: str, **settings: Any) -> Iterator[str]:
    models = [ModelAssignment(id=name, path=str(MODELS / name.replace("/", "_"))) for name in names]
    with serving(make_app(data_dir, models=models, **settings)) as url:
        yield url


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with device(tmp_path_factory.mktemp("reliability"), WHISPER, DRAWS, max_queue=1) as base:
        yield base


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


def pids(url: str) -> list[int]:
    models = http.get(f"{url}/memory").json()["models"]
    return [each["pid"] for model in models for each in model["instances"]]


def idle(url: str) -> bool:
    return not http.get(f"{url}/activity").json()["running"]


def listening(url: str) -> Any:
    return client_of(url).audio.transcriptions.create(model=WHISPER, file=LONG, language="en", stream=True)


def test_a_lost_instance_costs_nobody_a_transcript(url: str) -> None:
    whole = list(listening(url))[-1].text
    events = listening(url)
    heard = [next(events)]
    for pid in pids(url):
        kill(pid)
    heard += list(events)
    assert heard[-1].type == "transcript.text.done"
    assert heard[-1].text == whole
    assert "".join(event.delta for event in heard[:-1]) == whole


def test_a_picture_whose_instance_is_lost_is_made_again(url: str) -> None:
    asked = {"model": DRAWS, "prompt": "a cat", "size": "64x64", "extra_body": {"seed": 1, "steps": 60}}
    images = client_of(url).images
    whole = images.generate(**asked)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        drawing = pool.submit(lambda: images.generate(**asked))
        wait_until(lambda: http.get(f"{url}/activity").json()["running"] or drawing.done())
        for pid in pids(url):
            kill(pid)
        assert drawing.result().data[0].b64_json == whole.data[0].b64_json


def test_who_leaves_ends_the_work(url: str) -> None:
    events = listening(url)
    next(events)
    events.response.close()
    wait_until(lambda: idle(url))
    assert http.get(f"{url}/activity").json()["ended"][-1]["outcome"] == "cancelled"
    stream = client_of(url).images.generate(
        model=DRAWS, prompt="a", size="64x64", stream=True, partial_images=3, extra_body={"steps": 200}
    )
    next(iter(stream))
    stream.response.close()
    wait_until(lambda: idle(url))
    ended = http.get(f"{url}/activity").json()["ended"][-1]
    assert ended["outcome"] == "cancelled"
    assert ended["steps"] < 200


def test_a_full_queue_says_so(url: str) -> None:
    first, second = listening(url), listening(url)
    next(first)
    next(second)

    def ask() -> str | None:
        try:
            client_of(url).audio.transcriptions.create(model=WHISPER, file=LONG, language="en")
        except openai.InternalServerError as error:
            return f"{error.status_code} {error.code}"
        return None

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda _: ask(), range(6)))
    assert "503 queue_full" in codes
    for stream in (first, second):
        assert list(stream)[-1].type == "transcript.text.done"


def test_kinds_make_room_for_one_another(tmp_path: Path) -> None:
    with device(tmp_path, WHISPER, SPEECH, DRAWS, EMBEDDING, memory_limit_gb=0.35) as url:
        client = client_of(url)
        asked = [
            lambda: client.audio.transcriptions.create(model=WHISPER, file=wav(tone(1.0)), language="en"),
            lambda: client.audio.speech.create(model=SPEECH, input="Hello.", voice="alloy"),
            lambda: client.images.generate(model=DRAWS, prompt="a", size="64x64", extra_body={"steps": 2}),
            lambda: client.embeddings.create(model=EMBEDDING, input="a"),
        ]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(ask) for _ in range(2) for ask in asked]:
                assert done.result()
        budget = http.get(f"{url}/memory").json()
        assert len(pids(url)) < len(asked), budget
