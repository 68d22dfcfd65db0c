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
    bare: list[float] = []
    served: list[float] = []
    with tempfile.TemporaryDirectory() as folder, serve(model, Path(folder), device=device, settings={}) as server:
        url = f"http://{server.target.host}:{server.target.port}/v1/embeddings"
        with httpx.Client(timeout=600, trust_env=False) as client:
            for number in range(pairs + 1):
                texts = make_prompts(_BATCH * _BATCHES, _WORDS, seed=f"embeddings/{number}")
                batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
                started = time.perf_counter()
                for batch in batches:
                    pipeline.embed_documents(batch)
                between = time.perf_counter()
                for batch in batches:
                    body = {"model": server.target.model, "input": batch, "encoding_format": "base64"}
                    client.post(url, json=body).raise_for_status()
                bare.append(len(texts) / (between - started))
                served.append(len(texts) / (time.perf_counter() - between))
    title = f"Embeddings, batches of {_BATCH} texts of {_WORDS} words"
    return Section("embeddings", title, [], [Comparison("texts per second", bare[1:], served[1:], "texts/s")])
