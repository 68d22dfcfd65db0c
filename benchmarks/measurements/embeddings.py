"""Texts turned into vectors per second: the bare TextEmbeddingPipeline, and over HTTP."""

import http.client
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import openvino_genai as genai

from benchmarks.measurements.section import Comparison, Section
from benchmarks.prompts import make_prompts
from benchmarks.served import serve
from model_files.model_facts import read_facts
from tests.support.launch import ServerFailed
from tests.support.messages import Target

_BATCH = 64
_BATCHES = 8
_WORDS = 24
_FEWEST_WORDS, _MOST_WORDS = 4, 60

Embed = Callable[[list[str]], object]


def embeddings(model: Path, pairs: int, *, device: str) -> Section:
    """Raises `ServerFailed`."""
    pipeline = genai.TextEmbeddingPipeline(model, device)
    mixed = range(_FEWEST_WORDS, min(_MOST_WORDS, _words_that_fit(model)) + 1)
    with tempfile.TemporaryDirectory() as folder, serve(model, Path(folder), device=device, settings={}) as server:
        sides = {"bare": pipeline.embed_documents, "served": _over_http(server.target)}
        compared = [
            _compare(f"texts of {name} words per second", sides, lengths, pairs)
            for name, lengths in (
                (str(_WORDS), [_WORDS]),
                (f"{mixed[0]} to {mixed[-1]}", mixed),
            )
        ]
    return Section("embeddings", f"Embeddings, batches of {_BATCH} texts", [], compared)


def _words_that_fit(model: Path) -> int:
    words = _MOST_WORDS
    tokenizer, most = genai.Tokenizer(model), read_facts(model).context_length or sys.maxsize
    while tokenizer.encode(make_prompts(1, words, seed="longest")[0]).input_ids.shape[1] > 0.9 * most:
        words -= 1
    return words


def _over_http(target: Target) -> Embed:
    """By the standard library's client on one connection: what a client's own layers cost is not the server's."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=600)

    def embed(texts: list[str]) -> object:
        body = json.dumps({"model": target.model, "input": texts, "encoding_format": "base64"}).encode()
        connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise ServerFailed(answer.decode(errors="replace"))
        return answer

    return embed


def _compare(what: str, sides: dict[str, Embed], lengths: Sequence[int], pairs: int) -> Comparison:
    speeds: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(pairs + 1):
        batches = _batches(lengths, seed=f"embeddings/{number}")
        for side in sorted(sides, reverse=bool(number % 2)):
            started = time.perf_counter()
            for batch in batches:
                sides[side](batch)
            speeds[side].append(_BATCH * len(batches) / (time.perf_counter() - started))
    return Comparison(what, speeds["bare"][1:], speeds["served"][1:], "texts/s")


def _batches(lengths: Sequence[int], *, seed: str) -> list[list[str]]:
    source = random.Random(seed)
    return [
        [make_prompts(1, source.choice(lengths), seed=f"{seed}/{batch}/{text}")[0] for text in range(_BATCH)]
        for batch in range(_BATCHES)
    ]
