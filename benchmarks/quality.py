"""Whether real models answer here as they do where they were made: `python -m benchmarks.quality`.

Compares with transformers and sentence-transformers, which run in the environment of the tools (`--reference`), on the
models that tools/real_models.py puts on the disk: the tokens of served answers with and without exact precision,
perplexity at each precision and of each GGUF quantisation, the cosine of served vectors.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
from tokenizers import Tokenizer

from tests.support.launch import device_process

PROJECT = Path(__file__).resolve().parent.parent
REFERENCE = PROJECT / "tools" / "quality_reference.py"
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
"""What `precision: exact` asks of OpenVINO: nothing is rounded below 32 bits."""
WINDOW, WINDOWS, ANSWER_TOKENS = 512, 8, 32
CHAT, EMBEDDER = "SmolLM2-135M-Instruct", "all-MiniLM-L6-v2"
QUESTIONS = (
    "What is the capital of France?", "Write a haiku about rain.", "Explain gravity to a child.",
    "List three uses of a paper clip.", "What is 17 times 3?", "Name two rivers in Europe.",
    "Why is the sky blue?", "Give me a recipe for pancakes.", "What does HTTP stand for?",
    "Summarise the story of Cinderella.", "How do bees make honey?", "Translate 'good morning' into Spanish.",
)  # fmt: skip
PROSE = " ".join(Path(__file__).with_name("prose.txt").read_text(encoding="utf-8").splitlines())
"""Of this project's documentation, as it once was: a text that changes would change the perplexity."""
SENTENCES = tuple(Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8").splitlines())


class Reference:
    """transformers in an environment of its own. Raises RuntimeError where a job fails there."""

    def __init__(self, python: Path) -> None:
        self._python = python

    def ask(self, **job: Any) -> Any:
        command = [str(self._python), str(REFERENCE)]
        done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"{job['task']}: {done.stderr[-1000:]}")
        return json.loads(done.stdout)


def served_answers(models: Path, reference: Reference) -> Iterator[tuple[str, str, str]]:
    """How many tokens of greedy answers are the same, up to the first that is another."""
    prompts = [[{"role": "user", "content": question}] for question in QUESTIONS]
    right = reference.ask(task="answers", model=str(models / CHAT), prompts=prompts, tokens=ANSWER_TOKENS)
    tokenizer = Tokenizer.from_file(str(models / CHAT / "tokenizer.json"))
    for form, precision in product(("fp32", "int8"), ("exact", "default")):
        entry = {"id": "real/chat", "path": str(models / f"{CHAT}-{form}-ov"), "precision": precision}
        with tempfile.TemporaryDirectory() as data, device_process(Path(data), models=[entry]) as server:
            same = total = 0
            for messages, expected in zip(prompts, right, strict=True):
                body = {"messages": messages, "max_tokens": ANSWER_TOKENS, "temperature": 0, "model": "gpu-real/chat"}
                answer = server.post("/v1/chat/completions", body).raise_for_status().json()
                text = answer["choices"][0]["message"]["content"] or ""
                same += _common(tokenizer.encode(text).ids, tokenizer.encode(expected["text"]).ids)
                total += len(tokenizer.encode(expected["text"]).ids)
        yield form, f"precision: {precision}", f"{same} of {total} tokens"


def perplexities(models: Path, reference: Reference) -> Iterator[tuple[str, str, str]]:
    """Of each precision: as made, in f32 arithmetic and as served by default."""
    windows = _windows(models)
    right = reference.ask(task="perplexity", model=str(models / CHAT), windows=windows)
    yield f"{CHAT} in transformers, f32", f"{right:.2f}", ""
    for form in ("fp32", "fp16", "int8", "int4", "int4-cw"):
        ir = models / f"{CHAT}-{form}-ov" / "openvino_model.xml"
        yield form, f"{perplexity(ir, windows, EXACT):.2f}", f"{perplexity(ir, windows, {}):.2f}"


def gguf_perplexities(models: Path, reference: Reference) -> Iterator[tuple[str, str, str]]:
    """Of each quantisation: of its dequantised weights, and as OpenVINO GenAI reads it."""
    windows = _windows(models)
    for file in sorted((models / "gguf").glob("*/*.gguf")):
        right = reference.ask(task="perplexity", model=str(file), windows=windows)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / file.name
            copy.write_bytes(file.read_bytes())
            genai.LLMPipeline(str(copy), "CPU", enable_save_ov_model=True)
            read = perplexity(Path(folder) / "openvino_model.xml", windows, EXACT)
        yield file.parent.name, f"{right:.2f}", f"{read:.2f}"


def served_vectors(models: Path, reference: Reference) -> Iterator[tuple[str, str, str]]:
    """The smallest cosine between a served vector and that of sentence-transformers: of the sentences, and of texts
    that are longer than the model reads, which both cut."""
    long = [PROSE, *("".join(SENTENCES[start:] * 8) for start in (0, 10, 20))]
    right = np.array(reference.ask(task="vectors", model=str(models / EMBEDDER), texts=[*SENTENCES, *long]))
    for form in (f"{EMBEDDER}-ov", f"{EMBEDDER}-st-ov"):
        entry = {"id": "real/vectors", "path": str(models / form)}
        with tempfile.TemporaryDirectory() as data, device_process(Path(data), models=[entry]) as server:
            body = {"model": "gpu-real/vectors", "input": [*SENTENCES, *long]}
            answer = server.post("/api/embed", body).raise_for_status().json()
        cosines = (np.array(answer["embeddings"]) * right).sum(axis=1)
        yield form, f"{cosines[: len(SENTENCES)].min():.5f}", f"{cosines[len(SENTENCES) :].min():.5f}"


def perplexity(ir: Path, windows: Sequence[Sequence[int]], properties: dict[str, Any]) -> float:
    """Of a stateful language model, each window by itself."""
    compiled = ov.Core().compile_model(ir, "CPU", properties)
    names = {name for port in compiled.inputs for name in port.get_names()}
    request = compiled.create_infer_request()
    lost = 0.0
    for window in windows:
        request.reset_state()
        ids = np.array([window], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "beam_idx": np.zeros(1, np.int32)}
        inputs["position_ids"] = np.arange(len(window), dtype=np.int64)[None]
        request.infer({name: value for name, value in inputs.items() if name in names})
        logits = request.get_tensor("logits").data[0, :-1].astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[np.arange(len(window) - 1), window[1:]]
        lost -= (chosen - np.log(np.exp(logits, out=logits).sum(axis=1, dtype=np.float64))).sum()
    return math.exp(lost / sum(len(window) - 1 for window in windows))


def _windows(models: Path) -> list[list[int]]:
    ids = Tokenizer.from_file(str(models / CHAT / "tokenizer.json")).encode(PROSE).ids
    return [ids[at : at + WINDOW] for at in range(0, WINDOW * WINDOWS, WINDOW)]


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    return next(
        (at for at, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), min(len(left), len(right))
    )


SECTIONS = {
    "answers": served_answers,
    "perplexity": perplexities,
    "gguf": gguf_perplexities,
    "vectors": served_vectors,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=PROJECT / "tools" / ".real_models")
    parser.add_argument("--reference", type=Path, default=PROJECT / "tools" / ".venv" / "bin" / "python")
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], metavar="section", help=", ".join(SECTIONS))
    options = parser.parse_args()
    reference = Reference(options.reference)
    for name in options.sections or SECTIONS:
        print(f"## {name}", flush=True)
        for row in SECTIONS[name](options.models, reference):
            print("| " + " | ".join(row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
