"""True conversions: tiny models of real architectures from the tests' hub, SmolLM2-135M from its folder; converted by
the command, the page and the API, verified, and then asked for what they are for. tools/real_sources.py and
tools/real_models.py put on the disk what they start from."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
from playwright.sync_api import expect

from benchmarks.quality import EXACT, _windows, perplexity
from commands.entry import run_command
from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from conversion.architectures import ARCHITECTURES, normalized
from conversion.conversions import Conversions
from conversion.jobs import ConversionJob, ConversionRequest
from conversion.toolchain import Converter
from conversion.verification import NPU_ON_CPU
from hardware.devices import DeviceInfo
from model_registry import HubSettings, ModelRegistry
from server_app import build_device_server, create_app
from supervision.run_file import announced
from tests.admin.browser import chromium
from tests.admin.site import LiveSite, make_site
from tests.apis.servers import serving
from tests.hub import TestHub
from tests.support.ports import free_port

PROJECT = Path(__file__).parents[2]
REAL = PROJECT / "tools" / ".real_models"
SOURCES = REAL / "sources"
SMOLLM2 = REAL / "SmolLM2-135M-Instruct"
ARCHITECTURES_BUILT = ("qwen2", "llama", "bert", "whisper", "llava", "reranker")
_LIST = """
import json
import optimum.exporters.openvino.model_configs
from optimum.exporters.tasks import TasksManager
known = TasksManager._SUPPORTED_MODEL_TYPE
print("TABLE" + json.dumps({name: sorted(tasks.get("openvino") or {}) for name, tasks in known.items()}))
"""
TASK_NAMES = {
    "text": "text-generation-with-past",
    "vision": "image-text-to-text",
    "embedding": "feature-extraction",
    "reranker": "text-classification",
    "speech": "automatic-speech-recognition-with-past",
}


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    if not Converter(REAL).installed or not (SOURCES / "whisper").is_dir():
        pytest.fail("The converter or the sources are not here: .venv/bin/python tools/real_sources.py", pytrace=False)


@pytest.fixture(scope="module")
def hub() -> Iterator[TestHub]:
    with TestHub() as hub:
        for name in ARCHITECTURES_BUILT:
            hub.add_model(f"Tiny/{name}", SOURCES / name)
        hub.add_model("Tiny/lora", SOURCES / "llama-lora")
        yield hub


@pytest.fixture
def data_dir(tmp_path: Path, hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its converter is the one that was installed for these tests."""
    folder = tmp_path / "資料 夾"
    (folder / "models").mkdir(parents=True)
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr("administration.service.Converter", lambda _: Converter(REAL))
    return folder


def ask(data_dir: Path, model_id: str, device: str) -> Any:
    """What a device server answers with the converted model."""
    extra = NPU_ON_CPU if device == "npu" else {}
    path = data_dir / "models" / model_id.replace("/", "_")
    model = ModelAssignment(id=model_id, path=str(path), extra_config=extra, max_prompt_len=256 if extra else None)
    settings = DeviceSettings(port=11435, device="NPU" if extra else "CPU", models=[model])
    store = ConfigStore(data_dir / "asked.json")
    store.save(Configuration(devices={device: settings}))
    devices = [DeviceInfo("CPU", "Test CPU", None), DeviceInfo("NPU", "Test NPU", None)]
    server = build_device_server(device, store.load(), data_dir, devices, store=store)
    with serving(create_app(server, host="127.0.0.1", admin_port=free_port())) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=120)
        if "bert" in model_id:
            return client.embeddings.create(model=model_id, input=["one text", "another"]).data
        if "reranker" in model_id:
            body = {"model": model_id, "query": "one", "documents": ["one text", "another"]}
            return httpx.post(f"{url}/v1/rerank", json=body, timeout=120).json()["results"]
        if "whisper" in model_id:
            with wave.open(str(data_dir / "silence.wav"), "wb") as file:
                file.setparams((1, 2, 16000, 0, "NONE", ""))
                file.writeframes(bytes(32000))
            with (data_dir / "silence.wav").open("rb") as recording:
                return client.audio.transcriptions.create(model=model_id, file=recording, language="en")
        messages = [{"role": "user", "content": "Hello"}]
        answer = client.chat.completions.create(model=model_id, messages=messages, max_tokens=8)  # pyright: ignore
        assert answer.usage is not None
        assert answer.usage.completion_tokens > 0
        return answer


def check_answer(answer: Any, name: str) -> None:
    if name == "bert":
        first, second = (each.embedding for each in answer)
        assert math.isclose(sum(value * value for value in first), 1, rel_tol=1e-3)
        assert first != second
    elif name == "reranker":
        assert len(answer) == 2
    elif name == "whisper":
        assert isinstance(answer.text, str)


@pytest.mark.parametrize(
    ("name", "device"),
    [
        (name, device)
        for name in ARCHITECTURES_BUILT
        for device in ("gpu", "npu")
        if (name, device) != ("reranker", "npu")
    ],
)
def test_by_the_command(data_dir: Path, name: str, device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["convert", f"Tiny/{name}", "--device", device, "--json", "--data-dir", str(data_dir)]) == 0
    job = json.loads(capsys.readouterr().out)
    assert job["state"] == "ready"
    registry = ModelRegistry(data_dir / "models")
    model = registry.find(job["model_id"])
    assert model.complete
    if device == "npu":
        assert model.facts.npu_problem is None
    if name == "bert":
        assert model.facts.embedding is not None
        assert (model.facts.embedding.pooling, model.facts.embedding.query) == ("cls", "query: ")
    assert model.metadata is not None
    assert (model.metadata.converted or {})["versions"]["optimum-intel"]
    check_answer(ask(data_dir, job["model_id"], device), name)


@pytest.mark.parametrize(("name", "device"), [("llama", "gpu"), ("qwen2", "npu"), ("bert", "gpu"), ("whisper", "npu")])
def test_from_the_page(data_dir: Path, hub: TestHub, name: str, device: str) -> None:
    site = make_site(
        data_dir,
        hub=HubSettings(hub.url),
        conversions=lambda registry: Conversions(registry, Converter(REAL)),
        run_devices=False,
    )
    with LiveSite(site) as live, announced(data_dir, live.url), chromium() as browser:
        page = browser.new_page(locale="en")
        page.goto(live.url + "/get")
        panel = page.locator("#convert")
        panel.locator("summary").first.click()
        panel.get_by_label("Model ID or folder").fill(f"Tiny/{name}")
        panel.get_by_label("Convert for").select_option(device)
        panel.get_by_role("button", name="Convert", exact=True).click()
        expect(panel.locator(".job .state")).to_have_text("Done", timeout=200_000)
        (job,) = httpx.get(live.url + "/api/conversions").json()["jobs"]
    check_answer(ask(data_dir, job["model_id"], device), name)


def test_an_adapter_is_merged(data_dir: Path, hub: TestHub) -> None:
    """It changes what the model finds likely, and its own numbers are what peft makes of it."""
    plain = converted(data_dir, hub, ConversionRequest("Tiny/llama", weights="fp16", device="cpu"))
    tuned = converted(data_dir, hub, ConversionRequest("Tiny/llama", weights="fp16", device="cpu", adapter="Tiny/lora"))
    assert (plain.state, tuned.state, tuned.model_id) == ("ready", "ready", "Tiny/lora-fp16-ov")
    assert not math.isclose(plain.verified["perplexity"], tuned.verified["perplexity"], rel_tol=0.01)


def converted(data_dir: Path, hub: TestHub, request: ConversionRequest) -> ConversionJob:
    async def convert() -> ConversionJob:
        registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url))
        conversions = Conversions(registry, Converter(REAL))
        try:
            return await conversions.settled(conversions.convert(request).id)
        finally:
            await conversions.stop()

    return asyncio.run(convert())


@pytest.mark.parametrize("moment", ["downloading", "loading", "exporting", "compressing", "verifying"])
def test_killed(data_dir: Path, hub: TestHub, moment: str) -> None:
    """Nothing is half there, nothing runs on, and the same conversion comes out whole afterwards."""
    command = [sys.executable, "-m", "tests.real.converting", str(data_dir), hub.url, str(REAL), moment]
    admin = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert admin.stdout is not None
    assert admin.stdout.readline().strip() == moment
    children = psutil.Process(admin.pid).children(recursive=True)
    admin.kill()
    admin.wait()
    admin.stdout.close()
    assert not psutil.wait_procs(children, timeout=15)[1]
    registry = ModelRegistry(data_dir / "models")
    assert registry.local_models() == []
    job = converted(data_dir, hub, ConversionRequest("Tiny/llama"))
    assert job.state == "ready"
    assert [model.id for model in registry.local_models()] == [job.model_id]
    left = {path.name for path in (data_dir / "models" / ".partial").rglob("*") if path.is_file()}
    assert left == {"conversions.json"}


def test_int8_is_within_a_hundredth_of_fp16(data_dir: Path, hub: TestHub) -> None:
    if not SMOLLM2.is_dir():
        pytest.fail("The model is not here: tools/real_models.py says how it is made.", pytrace=False)
    found: dict[str, float] = {}
    for weights in ("fp16", "int8"):
        job = converted(data_dir, hub, ConversionRequest(str(SMOLLM2), weights=weights))
        assert job.state == "ready", job.error
        folder = ModelRegistry(data_dir / "models").find(job.model_id or "").path
        found[weights] = perplexity(folder / "openvino_model.xml", _windows(REAL), EXACT)
        shutil.rmtree(folder)
    assert found["int8"] == pytest.approx(found["fp16"], rel=0.01)


def test_the_table_of_architectures_is_the_converters() -> None:
    done = subprocess.run([str(Converter(REAL).python), "-c", _LIST], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("TABLE"))
    known = {normalized(name): set(tasks) for name, tasks in json.loads(line.removeprefix("TABLE")).items()}
    for task, names in ARCHITECTURES.items():
        missing = {name for name in names if TASK_NAMES[task] not in known.get(name, set())}
        assert not missing, task
