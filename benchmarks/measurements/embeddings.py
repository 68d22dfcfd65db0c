"""Texts turned into vectors per second: the bare TextEmbeddingPipeline, and over HTTP."""

import tempfile
import time
from pathlib import Path

import httpx
import openvino_genai as genai

from benchmarks.measurements.section import Comparison, Section
from benchmarks.prompts import make_prompts
from benchmarks.served import serve

_BATCH = 64
_BATCHES = 8
_WORDS = 24


def embeddings(model: Path, pairs: int, *, device: str) -> Section:
    """Raises `ServerFailed`."""
    pipeline = genai.TextEmbeddingPipeline(model, device)
    speeds: dict[str, list[float]] = {"bare": [], "served": []}
    with tempfile.TemporaryDirectory() as folder, serve(model, Path(folder), device=device, settings={}) as server:
        url = f"http://{server.target.host}:{server.target.port}/v1/embeddings"
        with httpx.Client(timeout=600, trust_env=False) as client:
            for number in range(pairs + 1):
                texts = make_prompts(_BATCH * _BATCHES, _WORDS, seed=f"embeddings/{number}")
                batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
                for side in ("served", "bare") if number % 2 else ("bare", "served"):
                    started = time.perf_counter()
                    for batch in batches:
                        if side == "bare":
                            pipeline.embed_documents(batch)
                        else:
                            body = {"model": server.target.model, "input": batch, "encoding_format": "base64"}
                            client.post(url, json=body).raise_for_status()
                    speeds[side].append(len(texts) / (time.perf_counter() - started))
    title = f"Embeddings, batches of {_BATCH} texts of {_WORDS} words"
    compared = Comparison("texts per second", speeds["bare"][1:], speeds["served"][1:], "texts/s")
    return Section("embeddings", title, [], [compared])
