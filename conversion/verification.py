"""The process that tries a converted model as the server would load it: `python -m conversion.verification REQUEST`.

REQUEST is JSON: `directory`, `device` (gpu, npu or cpu) and `scratch`, an empty folder. The model is loaded on the CPU,
for an NPU by the NPU's own pipeline on the CPU: a device that serves is not disturbed, and a second program can make
an NPU lose its device. What comes of it is the last line, behind the mark of `conversion.child`.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from configuration.device_config import DeviceSettings, ModelAssignment
from conversion.child import MARK
from hardware import no_telemetry as no_telemetry
from hardware.devices import DeviceInfo
from instances.handle import Instance, InstanceLoadError, InstanceLost, RequestRefused
from instances.protocol import (
    GenerationParams,
    Image,
    MultimodalPrompt,
    ScorePrompt,
    ScoreTexts,
    VectorizeTexts,
    image_tag,
)
from instances.transcription import SAMPLE_RATE, Transcribe
from memory.readings import read_system_memory
from model_files.model_facts import read_facts
from pools.instance_plan import load_message, plan_instance
from pools.model_assignment import served_model
from pools.prompt_scores import read_scores
from pools.served_model import ServedModel
from supervision.lifeline import watch_stdin

TOKENS = 16
NPU_ON_CPU = {"NPUW_DEVICES": "CPU", "NPUW_ONLINE_PIPELINE": "NONE", "NPU_USE_NPUW": "YES"}
_NPU_PROMPT_TOKENS = 256
_SIZE = 56
TEXT = (
    "The river rises in the mountains, where snow lies until June, and reaches the sea near a small town. People have "
    "lived on its banks for thousands of years: they fish, they grow rice and apples, and in winter they tell stories."
)
_OTHER_TEXT = "A compiler translates a program into instructions that a processor understands."


class Unfit(Exception):
    """The model does not do what it is for; str() says how that showed."""


async def verify(directory: Path, device: str, scratch: Path) -> dict[str, Any]:
    """Load it, ask it something, and what was seen. Raises Unfit, InstanceLoadError, InstanceLost, RequestRefused."""
    facts = read_facts(directory)
    if facts.problem or (device == "npu" and facts.npu_problem):
        raise Unfit(facts.problem or facts.npu_problem)
    model = _model(directory, device, scratch)
    seen = await _asked(model)
    if model.task == "generation" and not facts.vision:
        seen |= {"perplexity": round(await _perplexity(_model(directory, "cpu", scratch)), 3)}
    return seen


def _model(directory: Path, device: str, scratch: Path) -> ServedModel:
    npu = device == "npu"
    assignment = ModelAssignment(
        id="verification",
        path=str(directory),
        max_concurrent=1,
        extra_config=NPU_ON_CPU if npu else {},
        max_prompt_len=_NPU_PROMPT_TOKENS if npu else None,
    )
    settings = DeviceSettings(port=1, device="NPU" if npu else "CPU", models=[assignment])
    devices = [DeviceInfo("CPU", "CPU"), *([DeviceInfo("NPU", "NPU pipeline on the CPU")] if npu else [])]
    return served_model("npu" if npu else "cpu", settings, assignment, scratch, devices)


async def _asked(model: ServedModel) -> dict[str, Any]:
    spec = load_message(model, plan_instance(model, read_system_memory().available // 2), None)
    instance = Instance(spec)
    try:
        ready = await instance.load()
        answer = await _ask(instance, model)
    finally:
        await instance.stop()
    return {"pipeline": spec.pipeline, "device": model.device.full_name, **answer} | {
        "load_seconds": round(ready.load_seconds + ready.warm_up_seconds, 1)
    }


async def _ask(instance: Instance, model: ServedModel) -> dict[str, Any]:
    if model.task == "embedding":
        rows = await instance.compute(VectorizeTexts(0, [TEXT, _OTHER_TEXT], truncate=True))
        vectors = np.frombuffer(rows.data, dtype="<f4").reshape(2, -1)
        if not np.isfinite(vectors).all() or np.allclose(vectors[0], vectors[1]):
            raise Unfit("two different texts get no different vectors")
        return {"dimensions": int(vectors.shape[1])}
    if model.task == "rerank":
        rows = await instance.compute(ScoreTexts(0, "Where do people live?", [TEXT, _OTHER_TEXT]))
        if not np.isfinite(np.frombuffer(rows.data, dtype="<f4")).all():
            raise Unfit("its scores are no numbers")
        return {"texts": 2}
    if model.task == "transcription":
        silence = Transcribe(bytes(4 * SAMPLE_RATE), "en" if model.on_npu else None, timestamps=not model.on_npu)
        pieces = [piece async for piece in instance.work(msgspec.msgpack.encode(silence))]
        return {"windows": len(pieces)}
    return {"tokens": await _generated(instance, model)}


async def _generated(instance: Instance, model: ServedModel) -> int:
    sampling = GenerationParams(max_tokens=TOKENS, temperature=0.0, ignore_eos=True)
    picture = MultimodalPrompt(f"{image_tag(0)} What is this?", [Image(_SIZE, _SIZE, bytes(3 * _SIZE**2))], 0)
    ids, seen = ([], picture) if model.facts.vision else (_ids(model.directory), None)
    count = 0
    with instance.generate(ids, sampling, seen) as generation:
        async for output in generation:
            count += len(output.tokens)
    if count < TOKENS:
        raise Unfit(f"{count} tokens came where {TOKENS} were asked for")
    return count


async def _perplexity(model: ServedModel) -> float:
    """Of a text of everyday words; broken weights show as something that is no number."""
    scoring = replace(model, scoring=True)
    instance = Instance(load_message(scoring, plan_instance(scoring, read_system_memory().available // 2), None))
    ids = _ids(model.directory)
    try:
        await instance.load()
        rows = await instance.compute(ScorePrompt(0, ids, top=1))
    finally:
        await instance.stop()
    scores = [score.logprob for score in read_scores(ids, rows)[1:]]
    if not scores or any(score is None or not math.isfinite(score) for score in scores):
        raise Unfit("its probabilities are no numbers")
    return math.exp(-sum(score for score in scores if score is not None) / len(scores))


def _ids(directory: Path) -> list[int]:
    from chat.tokenizer import ChatTokenizer

    return ChatTokenizer(directory).encode(TEXT)[: _NPU_PROMPT_TOKENS - TOKENS]


def main(arguments: list[str]) -> int:
    watch_stdin(lambda: os._exit(0))
    request = json.loads(arguments[0])
    try:
        event = {
            "verified": asyncio.run(
                verify(Path(request["directory"]).resolve(), request["device"], Path(request["scratch"]))
            )
        }
    except (Unfit, InstanceLoadError, InstanceLost, RequestRefused, RuntimeError, OSError) as error:
        event = {"failed": str(error)[:500] or type(error).__name__}
    sys.stdout.write(f"\n{MARK}{json.dumps(event)}\n")
    sys.stdout.flush()
    return 1 if "failed" in event else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
