"""What transformers and sentence-transformers make of a model, for benchmarks/quality.py, which has neither.

    python tools/quality_reference.py < job.json > answer.json

Jobs: {"task": "answers", "model": folder, "prompts": [[message, …], …], "tokens": n} gives the ids of greedy answers;
{"task": "perplexity", "model": folder or GGUF file, "windows": [[id, …], …]} gives the mean perplexity;
{"task": "vectors", "model": folder, "texts": […]} gives unit vectors. Needs tools/requirements.txt.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    job = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr), torch.inference_mode():
        answer = TASKS[job["task"]](job)
    json.dump(answer, sys.stdout)


def _language_model(path: Path) -> Any:
    if path.is_file():
        return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()


def answers(job: dict[str, Any]) -> list[dict[str, Any]]:
    tokenizer, model = AutoTokenizer.from_pretrained(job["model"]), _language_model(Path(job["model"]))
    given: list[dict[str, Any]] = []
    for messages in job["prompts"]:
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
        made = model.generate(ids, max_new_tokens=job["tokens"], do_sample=False, pad_token_id=tokenizer.pad_token_id)
        new = made[0, ids.shape[1] :].tolist()
        given.append({"ids": new, "text": tokenizer.decode(new, skip_special_tokens=True)})
    return given


def perplexity(job: dict[str, Any]) -> float:
    model = _language_model(Path(job["model"]))
    lost = 0.0
    for window in job["windows"]:
        ids = torch.tensor([window])
        lost += torch.nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:], reduction="sum").item()
    return math.exp(lost / sum(len(window) - 1 for window in job["windows"]))


def vectors(job: dict[str, Any]) -> list[list[float]]:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(job["model"], device="cpu").encode(job["texts"], normalize_embeddings=True).tolist()


TASKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "answers": answers,
    "perplexity": perplexity,
    "vectors": vectors,
}


if __name__ == "__main__":
    main()
