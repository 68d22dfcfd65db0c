"""Requests for the staged site: some that have ended in different ways, one that runs."""

from __future__ import annotations

import time
from typing import Any

PHI = "gpu-OpenVINO/Phi-3-medium-4k-instruct-int4-ov"
R1 = "gpu-OpenVINO/DeepSeek-R1-Distill-Qwen-1.5B-int4-ov"
# Seconds ago, program, path, model, status, outcome, prompt tokens, answer tokens, first token, tokens a second.
ENDED = [
    (402, "Open WebUI", "/api/chat", PHI, 200, "completed", 1204, 331, 0.61, 41.8),
    (311, "OpenAI/Python 1.99.9", "/v1/chat/completions", PHI, 200, "completed", 88, 212, 0.22, 43.1),
    (255, "curl/8.5.0", "/v1/chat/completions", "gpu-OpenVINO/Phi-4", 404, "failed", 0, 0, None, None),
    (190, "anthropic-sdk/0.68", "/v1/messages", PHI, 200, "cancelled", 6120, 48, 2.9, 38.4),
    (121, "ollama-python/0.6.1", "/api/generate", R1, 200, "completed", 35, 640, 0.11, 96.3),
    (40, "Playground", "/v1/chat/completions", PHI, 200, "completed", 19, 74, 0.2, 44.0),
    (12, "HomeAssistant/2026.11", "/api/chat", PHI, 0, "lost", 903, 12, 0.5, 40.2),
]


def staged_activity() -> dict[str, Any]:
    now = time.time()
    ended = [_entry(now, number, *values) for number, values in enumerate(ENDED, start=1)]
    running = _entry(
        now, 100, 3, "OpenAI/Python 1.99.9", "/v1/chat/completions", PHI, 200, "running", 412, 96, 0.3, 42.4
    )
    return {"ended": ended, "running": [{**running, "ended": None}]}


def _entry(
    now: float,
    number: int,
    ago: float,
    agent: str,
    path: str,
    model: str,
    status: int,
    outcome: str,
    prompt: int,
    answer: int,
    first: float | None,
    speed: float | None,
) -> dict[str, Any]:
    return {
        "number": number,
        "ended": number,
        "id": f"req_{number:024x}",
        "time": now - ago,
        "client": "127.0.0.1",
        "agent": agent,
        "path": path,
        "model": model,
        "status": status,
        "outcome": outcome,
        "error": f"model '{model}' not found." if status == 404 else None,
        "seconds": (first or 0.01) + (answer / speed if speed else 0),
        "prompt_tokens": prompt,
        "generated_tokens": answer,
        "audio_seconds": 0.0,
        "steps": 0,
        "first_token_seconds": first,
        "tokens_per_second": speed,
        "waited_seconds": 0.01 if first else None,
    }
