"""What holds for chat holds for the other kinds: a lost instance, a client that leaves, a full queue, little memory."""

from __future__ import annotations

import concurrent.futures
import json
import threading
from collections.abc import Callable, Iterable, Iterator
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

pytestmark = pytest.mark.long

WHISPER, SPEECH, DRAWS = "test/whisper", "test/speech", "test/image"
LONG = wav(tone(280.0))
Kind = Callable[[openai.OpenAI], Iterator[Any]]


@contextmanager
def device(data_dir: Path, *names: str, **settings: Any) -> Iterator[str]:
    models = [ModelAssignment(id=name, path=str(MODELS / name.replace("/", "_"))) for name in names]
    with serving(make_app(data_dir, models=models, **settings)) as url:
        yield url


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with device(tmp_path_factory.mktemp("reliability"), WHISPER, SPEECH, DRAWS, max_queue=1) as base:
        yield base


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


def pids(url: str) -> list[int]:
    models = http.get(f"{url}/memory").json()["models"]
    return [each["pid"] for model in models for each in model["instances"]]


def idle(url: str) -> bool:
    return not http.get(f"{url}/activity").json()["running"]


def transcript(client: openai.OpenAI) -> Iterator[str]:
    events = client.audio.transcriptions.create(model=WHISPER, file=LONG, language="en", stream=True)
    kinds: list[str] = []
    for event in events:
        kinds.append(event.type)
        if event.type == "transcript.text.delta":
            yield event.delta
    assert kinds[-1] == "transcript.text.done"


def speech(client: openai.OpenAI) -> Iterator[bytes]:
    text = "One. Two. Three. Four. Five. Six. Seven. Eight. Nine. Ten."
    speaking = client.audio.speech.with_streaming_response
    with speaking.create(model=SPEECH, input=text, voice="alloy", response_format="pcm") as response:
        yield from response.iter_bytes()


def picture(client: openai.OpenAI) -> Iterator[str | int]:
    """Begins with its first steps; the last is the finished picture."""
    extra = {"seed": 1, "steps": 150}
    drawing = client.images.with_streaming_response
    asked: Any = {"model": DRAWS, "prompt": "a cat", "size": "64x64", "stream": True, "extra_body": extra}
    with drawing.generate(**asked) as response:
        for line in response.iter_lines():
            if line.startswith(": step"):
                yield 0
            elif line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))["b64_json"]


KINDS: list[Kind] = [transcript, speech, picture]


def result(kind: Kind, pieces: Iterable[Any]) -> Any:
    """Of a whole stream, however it was cut."""
    found = list(pieces)
    if kind is picture:
        return found[-1]
    return b"".join(found) if kind is speech else "".join(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_instance_costs_nobody_a_result(url: str, kind: Kind) -> None:
    whole = result(kind, kind(client_of(url)))
    assert whole
    pieces = kind(client_of(url))
    first = next(pieces)
    for pid in pids(url):
        kill(pid)
    assert result(kind, [first, *pieces]) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_who_leaves_ends_the_work(url: str, kind: Kind) -> None:
    wait_until(lambda: idle(url))
    client = client_of(url)
    pieces = kind(client)
    next(pieces)
    client.close()
    wait_until(lambda: idle(url))
    assert http.get(f"{url}/activity").json()["ended"][-1]["outcome"] == "cancelled"


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_queue_says_so_and_who_has_begun_is_served(url: str, kind: Kind) -> None:
    whole = result(kind, kind(client_of(url)))
    first = kind(client_of(url))
    begun = next(first)

    def ask(_: int) -> Any:
        try:
            return result(kind, kind(client_of(url)))
        except openai.InternalServerError as error:
            return f"{error.status_code} {error.code}"

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(ask, range(6)))
    assert "503 queue_full" in outcomes
    assert set(outcomes) <= {"503 queue_full", whole}
    assert result(kind, [begun, *first]) == whole


def test_kinds_evict_one_another_under_load_within_the_budget(tmp_path: Path) -> None:
    limit = 0.35
    with device(tmp_path, WHISPER, SPEECH, DRAWS, EMBEDDING, memory_limit_gb=limit) as url:
        client = client_of(url)
        asked = {
            WHISPER: lambda: client.audio.transcriptions.create(model=WHISPER, file=wav(tone(1.0)), language="en").text,
            SPEECH: lambda: client.audio.speech.create(model=SPEECH, input="Hello.", voice="alloy").content,
            DRAWS: lambda: (
                client.images.generate(model=DRAWS, prompt="a", size="64x64", extra_body={"steps": 2, "seed": 1}).data
            ),
            EMBEDDING: lambda: client.embeddings.create(model=EMBEDDING, input="a").data,
        }
        seen: list[dict[str, Any]] = []
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.05):
                seen.append(http.get(f"{url}/memory").json())

        with concurrent.futures.ThreadPoolExecutor(9) as pool:
            watching = pool.submit(watch)
            try:
                answers = [pool.submit(ask) for _ in range(4) for ask in asked.values()]
                assert all(each.result() for each in answers)
            finally:
                over.set()
            watching.result()
        assert max(each["reserved_bytes"] for each in seen) <= limit * 10**9
        together = {tuple(sorted(model["id"] for model in each["models"] if model["instances"])) for each in seen}
        assert all(len(models) < len(asked) for models in together)
        assert set().union(*together) == {f"gpu-{model}" for model in asked} or set().union(*together) == set(asked)
