"""Speech to text beside the bare WhisperPipeline: how long it takes, how many words are wrong, and what decoding files
costs those whose answers stream meanwhile. espeak-ng speaks the texts; it has to be installed."""

import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import openvino_genai as genai

from benchmarks.measurements.section import Comparison, Row, Section
from benchmarks.prompts import make_prompts
from media.decode import decoded
from media.encode import whole
from tests.support.launch import DeviceProcess, demo_model, device_process

TEXT = Path(__file__).parents[1] / "speech.txt"
_RATE = 16_000
_VOICES = (("en-us", 150), ("en-gb", 160), ("en-us", 170), ("en-gb", 145))
"""Of espeak-ng, with words a minute."""
_VARIATIONS = ((0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (0.0, 0.9), (0.5, 0.8), (1.0, 0.7), (0.0, 0.6), (0.5, 0.5))
"""Seconds of silence before the speech, and how loud that is. Each moves all windows or what counts as silence, and
with them the words that a model is unsure of."""
_TIMED_SECONDS = 60
_STREAM_TOKENS = 1500
_UPLOAD_SECONDS = 600
_UPLOAD_RUNS = 3
_WHISPER = "bench/whisper"

Samples = npt.NDArray[np.float32]


class NoSpeech(Exception):
    """espeak-ng is not installed."""


def transcription(model: Path, pairs: int, *, device: str, minutes: float) -> Section:
    """Raises `ServerFailed` and `NoSpeech`."""
    samples, spoken = _speech(minutes)
    pipeline = genai.WhisperPipeline(model, device)
    chat = demo_model(max_concurrent=4)
    with tempfile.TemporaryDirectory() as folder:
        models = [{"id": _WHISPER, "path": str(model.resolve())}, chat]
        with device_process(Path(folder), models=models, device=device) as server:
            _served(server, samples[:_RATE])
            _bare(pipeline, samples[:_RATE])
            times = _times(pipeline, server, samples[: _TIMED_SECONDS * _RATE], pairs)
            varied = [
                np.concatenate([np.zeros(int(start * _RATE), np.float32), np.float32(loud) * samples])
                for start, loud in _VARIATIONS
            ]
            bare = [words_of(_bare(pipeline, each)) for each in varied]
            served = [words_of(_served(server, each)) for each in varied]
            rows = _beside_uploads(server, str(chat["id"]), samples)
    errors = [[100 * word_error_rate(spoken, words) for words in side] for side in (bare, served)]
    counts = [[float(len(words)) for words in side] for side in (bare, served)]
    return Section(
        "transcription",
        "Speech to text",
        rows,
        [
            Comparison(f"{_TIMED_SECONDS} seconds of speech", *times, "s"),
            Comparison(f"word error rate, {len(samples) / _RATE:.0f} s", errors[0], errors[1], "%"),
            Comparison(f"words, of {len(spoken)} spoken", counts[0], counts[1], ""),
        ],
        [
            f"Word error rates in %, (silence before it, loudness) {', '.join(map(str, _VARIATIONS))}: bare "
            f"{_listed(errors[0])}, served {_listed(errors[1])}."
        ],
    )


def words_of(text: str) -> list[str]:
    """Without case and punctuation; a hyphen separates."""
    return re.sub(r"[^a-z0-9' ]", "", " ".join(text.lower().replace("-", " ").split())).split()


def word_error_rate(spoken: list[str], heard: list[str]) -> float:
    """Words to put in, leave out or replace, per word spoken."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(spoken, 1):
        above, row = row, [number]
        for index, other in enumerate(heard, 1):
            row.append(min(above[index] + 1, row[-1] + 1, above[index - 1] + (word != other)))
    return row[-1] / len(spoken)


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _speech(minutes: float) -> tuple[Samples, list[str]]:
    program = shutil.which("espeak-ng")
    if program is None:
        raise NoSpeech("This measurement needs espeak-ng.")
    text = " ".join(TEXT.read_text(encoding="utf-8").split())
    pieces: list[npt.NDArray[np.int16]] = []
    words: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spoken.wav"
        while sum(map(len, pieces)) < minutes * 60 * _RATE:
            voice, speed = _VOICES[len(pieces) % len(_VOICES)]
            subprocess.run([program, "-v", voice, "-s", str(speed), "-w", str(file), text], check=True)
            pieces.append(decoded(file.read_bytes(), _RATE))
            words += words_of(text)
    return (np.concatenate(pieces) / 32768).astype(np.float32), words


def _bare(pipeline: genai.WhisperPipeline, samples: Samples) -> str:
    """Of the very samples that the server decodes: their rounding alone changes words that the model is unsure of."""
    samples = (decoded(_file(samples), _RATE) / 32768).astype(np.float32)
    config = pipeline.get_generation_config()
    config.language, config.return_timestamps = "<|en|>", True
    return pipeline.generate(samples, config).texts[0]  # pyright: ignore[reportArgumentType]


def _file(samples: Samples) -> bytes:
    return whole("wav", _RATE, samples)


def _served(server: DeviceProcess, samples: Samples) -> str:
    data = {"model": _WHISPER, "language": "en"}
    files = {"file": ("speech.wav", _file(samples))}
    answer = server.client.post("/v1/audio/transcriptions", data=data, files=files, timeout=3600)
    return answer.raise_for_status().json()["text"]


def _times(
    pipeline: genai.WhisperPipeline, server: DeviceProcess, samples: Samples, pairs: int
) -> tuple[list[float], list[float]]:
    seconds: dict[str, list[float]] = {"bare": [], "served": []}
    for number in range(pairs):
        for side in ("served", "bare") if number % 2 else ("bare", "served"):
            started = time.perf_counter()
            _bare(pipeline, samples) if side == "bare" else _served(server, samples)
            seconds[side].append(time.perf_counter() - started)
    return seconds["bare"], seconds["served"]


def _beside_uploads(server: DeviceProcess, chat: str, samples: Samples) -> list[Row]:
    """A stream of tokens alone, and while a client sends ten minutes of MP3 again and again in a language that no model
    knows, so that they are decoded and then refused."""
    upload = whole("mp3", _RATE, np.resize(samples, _UPLOAD_SECONDS * _RATE))
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    decoding: list[float] = []
    for number in range(_UPLOAD_RUNS + 1):
        gaps = _gaps(server, chat, number)
        with _uploading(server, upload) as taken:
            loaded = _gaps(server, chat, number)
        if number:  # the first one warms up
            alone.append(gaps)
            beside.append(loaded)
            decoding += taken
    rows: list[Row] = []
    for which, measured in (("alone", alone), ("beside uploads", beside)):
        rows.append(
            Row(f"a stream's tokens per second, {which}", [len(gaps) / sum(gaps) for gaps in measured], "tok/s")
        )
        rows.append(Row(f"its longest pause, {which}", [1000 * max(gaps) for gaps in measured], "ms"))
    return [*rows, Row("an upload of ten minutes of MP3, decoded and refused", decoding, "s")]


@contextmanager
def _uploading(server: DeviceProcess, upload: bytes) -> Iterator[list[float]]:
    taken: list[float] = []
    over = threading.Event()

    def send() -> None:
        data = {"model": _WHISPER, "language": "xx"}
        with httpx.Client(base_url=server.client.base_url, timeout=600, trust_env=False) as client:
            while not over.is_set():
                started = time.perf_counter()
                answer = client.post("/v1/audio/transcriptions", data=data, files={"file": ("a.mp3", upload)})
                assert answer.status_code == 400, answer.text
                taken.append(time.perf_counter() - started)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


def _gaps(server: DeviceProcess, model: str, number: int) -> list[float]:
    """Seconds between the tokens of a streamed answer."""
    [prompt] = make_prompts(1, 16, seed=f"transcription/{number}")
    body: dict[str, Any] = {"model": model, "prompt": prompt, "max_tokens": _STREAM_TOKENS, "ignore_eos": True}
    times: list[float] = []
    with server.client.stream("POST", "/v1/completions", json={**body, "stream": True}, timeout=600) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                times.append(time.perf_counter())
    return [after - before for before, after in pairwise(times)]
