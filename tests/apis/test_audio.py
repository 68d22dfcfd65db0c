"""Speech recognition and synthesis with real workers on tiny models, by OpenAI's official client."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from configuration.device_config import ModelAssignment
from media.decode import decoded
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, serving
from tests.helpers import http, wait_until
from tests.media.sounds import CODECS, RATE, file_of, tone, wav

WHISPER, SPEECH = "test/whisper", "test/speech"
SOUND = wav(tone(1.0))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = [
        ModelAssignment(id=model, path=str(MODELS / model.replace("/", "_")), max_concurrent=4)
        for model in (CHAT, WHISPER, SPEECH)
    ]
    with serving(make_app(tmp_path_factory.mktemp("audio"), models=models)) as base:
        yield base


@pytest.fixture
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


@pytest.mark.parametrize("container", CODECS)
def test_every_usual_file_is_heard(client: openai.OpenAI, container: str) -> None:
    file = (f"sound.{container}", file_of(container, tone(1.0)))
    answer = client.audio.transcriptions.create(model=WHISPER, file=file, language="en")
    assert answer.text
    assert answer.usage is not None
    assert answer.usage.type == "duration"
    assert answer.usage.seconds == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_text_comes_as_text(client: openai.OpenAI, form: Any) -> None:
    answer = client.audio.transcriptions.create(model=WHISPER, file=SOUND, response_format=form)
    assert isinstance(answer, str)
    if form == "vtt":
        assert answer.startswith("WEBVTT\n")


def test_verbose_has_segments(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(
        model=WHISPER,
        file=SOUND,
        language="en",
        response_format="verbose_json",
        timestamp_granularities=["segment"],
    )
    assert answer.language == "en"
    assert answer.duration == pytest.approx(1.0)
    assert answer.segments is not None
    assert answer.words is None
    for segment in answer.segments:
        assert 0 <= segment.start <= segment.end
        assert segment.tokens or not segment.text


def test_times_of_words_that_a_model_does_not_have_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no times of words"):
        client.audio.transcriptions.create(
            model=WHISPER, file=SOUND, response_format="verbose_json", timestamp_granularities=["word"]
        )


def test_a_stream_adds_up_to_its_end(client: openai.OpenAI) -> None:
    file = wav(tone(65.0))
    events = list(client.audio.transcriptions.create(model=WHISPER, file=file, stream=True, language="en"))
    assert events[-1].type == "transcript.text.done"
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == events[-1].text


def test_a_translation_is_another_task(client: openai.OpenAI) -> None:
    with pytest.deprecated_call():  # by OpenAI's client
        assert client.audio.translations.create(model=WHISPER, file=SOUND).text is not None


def test_the_same_sound_is_heard_alike(client: openai.OpenAI) -> None:
    answers = {client.audio.transcriptions.create(model=WHISPER, file=SOUND, language="en").text for _ in range(3)}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"language": "xx"}, None),
        ({"temperature": "2"}, "temperature"),
        ({"response_format": "html"}, "response_format"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ({"model": CHAT}, "model"),
        ({"model": "test/nothing"}, "model"),
    ],
)
def test_what_cannot_be_done_is_refused(url: str, fields: dict[str, str], param: str | None) -> None:
    data = {"model": WHISPER, **fields}
    response = http.post(f"{url}/v1/audio/transcriptions", data=data, files={"file": ("a.wav", SOUND)})
    assert response.status_code == (404 if fields.get("model") == "test/nothing" else 400)
    error = response.json()["error"]
    assert error["message"]
    assert error["param"] == param


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"no sound at all" * 99, SOUND[:20], file_of("flac", tone(1.0))[:60], b"\xff" * 5000],
    ids=["nothing", "a byte", "text", "half a header", "half a flac", "noise"],
)
def test_a_file_that_is_no_sound_is_refused(url: str, data: bytes) -> None:
    response = http.post(f"{url}/v1/audio/transcriptions", data={"model": WHISPER}, files={"file": ("a.wav", data)})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "file"


def test_a_body_that_is_no_form_is_refused(url: str) -> None:
    path = f"{url}/v1/audio/transcriptions"
    assert http.post(path, json={"model": WHISPER}).status_code == 400
    broken = http.post(path, content=b"--x\r\nrubbish", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status_code == 400
    assert broken.json()["error"]["type"] == "invalid_request_error"
    text = http.post(path, data={"model": WHISPER, "file": "text"}, files={"other": ("a", b"b")})
    assert "must be a file" in text.json()["error"]["message"]


def test_a_length_that_is_too_large_is_refused_before_the_body_comes(url: str) -> None:
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.putrequest("POST", "/v1/audio/transcriptions")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav"])
def test_a_text_is_spoken(client: openai.OpenAI, form: Any) -> None:
    spoken = client.audio.speech.create(model=SPEECH, input="Hello. You.", voice="alloy", response_format=form).content
    assert len(decoded(spoken, RATE)) > 0


def test_a_wav_says_how_long_it_is(client: openai.OpenAI) -> None:
    spoken = client.audio.speech.create(model=SPEECH, input="Hello.", voice="alloy", response_format="wav").content
    with wave.open(io.BytesIO(spoken)) as file:
        assert file.getnframes() * 2 + 44 == len(spoken)


def test_speech_streams_as_events(client: openai.OpenAI, url: str) -> None:
    body = {"model": SPEECH, "input": "Hello. You.", "response_format": "pcm", "stream_format": "sse"}
    text = http.post(f"{url}/v1/audio/speech", json=body).text
    assert text.count('"speech.audio.delta"') >= 2
    assert '"speech.audio.done"' in text


@pytest.mark.parametrize(
    ("change", "param"),
    [({"input": ""}, "input"), ({"input": " "}, "input"), ({"speed": 9.0}, "speed"), ({"model": CHAT}, "model")],
)
def test_what_cannot_be_spoken_is_refused(url: str, change: dict[str, Any], param: str) -> None:
    response = http.post(f"{url}/v1/audio/speech", json={"model": SPEECH, "input": "Hello.", **change})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_a_voice_or_speed_that_it_does_not_have_is_refused(url: str) -> None:
    for change in ({"voice": "nobody"}, {"speed": 2.0}):
        response = http.post(f"{url}/v1/audio/speech", json={"model": SPEECH, "input": "Hello.", **change})
        assert response.status_code == 400, response.text


def test_the_voices_are_listed(url: str) -> None:
    assert http.get(f"{url}/v1/audio/voices").json()["voices"] == [
        {"id": "default", "name": "default", "model": "gpu-test/speech"}
    ]


def test_what_was_heard_and_spoken_is_counted(client: openai.OpenAI, url: str) -> None:
    client.audio.transcriptions.create(model=WHISPER, file=SOUND, language="en")
    wait_until(lambda: http.get(f"{url}/activity").json()["ended"][-1]["audio_seconds"] == 1.0)
    assert "openvino_audio_seconds_total" in http.get(f"{url}/metrics").text


def test_sound_models_do_not_chat(client: openai.OpenAI) -> None:
    for model in (WHISPER, SPEECH):
        with pytest.raises(openai.BadRequestError, match="/v1/audio/"):
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
