"""What is soaked: the suite with two devices, several models on each and a hub to pull from, and what they answer
when nothing disturbs them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.hub import TestHub
from tests.reliability.soaking import calls
from tests.reliability.soaking.dialects import DIALECTS
from tests.support.launch import DEMO_ID, DEMO_MODEL, NPU_ON_CPU, PROJECT
from tests.support.launch_suite import SuiteProcess, suite_process

EMBEDDING_ID = "soak/embedding"
RERANKER_ID = "soak/reranker"
RANDOM_ID = "soak/random"
"""A model of random weights: its answers prove nothing, but they are long."""
PULLED_ID = "soak/pulled"
QUESTIONS = (
    "什麼是 OpenVINO？",
    "What is OpenVINO?",
    "Which port does the GPU use?",
    "NPU 的服務埠是多少？",
    "How do I pull a model?",
    "What is device_config.json?",
    "你是誰？",
)
TEXTS = ("a lamp", "模型", "Where is the configuration? In the data directory.", "x")
_IMPORTED = {EMBEDDING_ID: "test_embedding", RERANKER_ID: "test_reranker", RANDOM_ID: "test_chat"}
_TOKENS = 256
MAX_CONCURRENT = 16


@dataclass
class Expected:
    """Greedy answers, vectors and scores by device."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    forms: dict[tuple[str, str], str] = field(default_factory=dict)
    vectors: dict[str, list[float]] = field(default_factory=dict)
    scores: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    suite: SuiteProcess
    hub: TestHub
    data_dir: Path
    temporary_dir: Path
    expected: Expected

    def url(self, device: str) -> str:
        return self.suite.device_url(device)


DEVICES = ("gpu", "npu")


def models_of(device: str, *, max_concurrent: int = MAX_CONCURRENT, idle_timeout: float = 300) -> list[dict[str, Any]]:
    """The selection of a device for /api/update_config."""
    demo: dict[str, Any] = {"id": DEMO_ID, "max_concurrent": max_concurrent, "idle_timeout": idle_timeout}
    if device == "npu":
        demo |= {"extra_config": {**NPU_ON_CPU, "MIN_RESPONSE_LEN": 256}, "max_prompt_len": 512}
        demo["max_concurrent"] = 2
        return [demo, {"id": EMBEDDING_ID, "idle_timeout": idle_timeout}]
    others = (EMBEDDING_ID, RERANKER_ID, RANDOM_ID)
    return [demo, *({"id": each, "idle_timeout": idle_timeout} for each in others)]


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The suite with its data and its temporary files in folders of their own."""
    data_dir, temporary_dir = folder / "資料 夾", folder / "temporary"
    data_dir.mkdir()
    temporary_dir.mkdir()
    variables = {name: str(temporary_dir) for name in ("TMPDIR", "TEMP", "TMP")}
    with TestHub() as hub:
        hub.add_model(PULLED_ID, DEMO_MODEL)
        environment = {**variables, "HF_ENDPOINT": hub.url}
        with suite_process(data_dir, environment=environment) as suite:
            for model_id, name in _IMPORTED.items():
                body = {"path": str(PROJECT / "tests" / "models" / name), "model_id": model_id, "mode": "reference"}
                suite.client.post(f"{suite.url}/api/import_model", json=body).raise_for_status()
            for device in DEVICES:
                body = {"device": device, "enabled": True, "models": models_of(device)}
                suite.client.post(f"{suite.url}/api/update_config", json=body).raise_for_status()
            yield Stage(suite, hub, data_dir, temporary_dir, Expected())


async def learn(stage: Stage) -> None:
    """Ask everything once, in every way, while nothing disturbs: fills `stage.expected` and warms up."""
    async with calls.new_client() as http:
        for device in DEVICES:
            await _learn_device(stage, http, device)


async def _learn_device(stage: Stage, http: httpx.AsyncClient, device: str) -> None:
    url, expected, model = stage.url(device), stage.expected, f"{device}-{DEMO_ID}"
    for question in QUESTIONS:
        for dialect in DIALECTS:
            said = await calls.say(http, url, dialect, model, question, tokens=_TOKENS, stream=False)
            known = expected.texts.setdefault((device, question), said.text)
            if said.text != known:
                raise RuntimeError(f"{device}: {dialect.name} says {said.text!r} where another API says {known!r}")
    expected.forms[device, "tool"] = await calls.call_tool(http, url, model, stream=False)
    expected.forms[device, "schema"] = await calls.fill_form(http, url, model)
    embedding = f"{device}-{EMBEDDING_ID}"
    expected.vectors[device] = await calls.embed(http, url, embedding, TEXTS, ollama=False)
    if device == "gpu":
        await calls.say(http, url, DIALECTS[0], f"{device}-{RANDOM_ID}", "go on", tokens=8, stream=True)
        expected.scores[device] = await calls.rerank(http, url, f"{device}-{RERANKER_ID}", "lamp", TEXTS)


async def rest(stage: Stage, seconds: float = 12.0) -> None:
    """No instance and no client left: what is open then is open for good. Closed connections get their time; those that
    the hub has closed meanwhile are let go of with the next question to it."""
    async with calls.new_client() as http:
        await calls.request(http, "GET", f"{stage.suite.url}/api/available_models?refresh=true")
        for device in DEVICES:
            await calls.request(http, "POST", f"{stage.url(device)}/model/cleanup")
    await asyncio.sleep(seconds)
