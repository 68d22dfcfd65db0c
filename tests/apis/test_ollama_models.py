"""Ollama's official client managing models: show, pull, delete, copy, create, with a real admin server and a hub."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import ollama
import pytest

from configuration.device_config import ConfigStore, DeviceSettings, ModelAssignment
from hardware.devices import DeviceInfo
from model_registry import HubSettings
from server_app import build_device_server, create_app
from tests.admin.site import LiveSite, make_site
from tests.apis.servers import CHAT, EMBEDDING, MODELS, Script, serving
from tests.helpers import http
from tests.hub import TestHub

ORGANISATION_MODEL = "OpenVINO/tiny-chat-ov"


@dataclass(frozen=True)
class Workshop:
    """A device server whose models may be changed, its data directory, and the hub that its admin pulls from."""

    url: str
    client: ollama.Client
    data_dir: Path
    hub: TestHub

    def saved(self) -> DeviceSettings:
        return ConfigStore(self.data_dir / "device_config.json").load().devices["gpu"]


@pytest.fixture
def workshop(request: pytest.FixtureRequest, tmp_path: Path, script: Script) -> Iterator[Workshop]:
    """Parametrised indirectly with the GB that the device may take."""
    data_dir = tmp_path / "資料 夾"
    shutil.copytree(MODELS / "test_chat", data_dir / "models" / "test_chat")
    models = [
        ModelAssignment(id=CHAT, path="models/test_chat"),
        ModelAssignment(id=EMBEDDING, path=str(MODELS / "test_embedding")),
    ]
    gpu = DeviceSettings(
        enabled=False, port=11435, device="GPU", models=models, memory_limit_gb=getattr(request, "param", None)
    )
    cpu = [DeviceInfo("CPU", "Test CPU", None)]
    with TestHub() as hub:
        site = make_site(data_dir, devices={"gpu": gpu}, hub=HubSettings(hub.url))
        with LiveSite(site) as admin:
            device = build_device_server("gpu", site.store.load(), data_dir, cpu, make_instance=script.instance_maker())
            with serving(create_app(device, host="127.0.0.1", admin_port=admin.port)) as url:
                yield Workshop(url, ollama.Client(url), data_dir, hub)


def _say(client: ollama.Client, model: str) -> str | None:
    return client.chat(model, [{"role": "user", "content": "Hi"}]).message.content


def test_a_model_is_pulled_and_served_without_a_restart(workshop: Workshop) -> None:
    workshop.hub.add_model(ORGANISATION_MODEL, MODELS / "test_chat")
    events = list(workshop.client.pull(ORGANISATION_MODEL, stream=True))
    assert events[0].status == "pulling manifest"
    assert events[-1].status == "success"
    layers = [event for event in events if event.digest]
    assert layers
    assert all((event.completed or 0) <= (event.total or 0) for event in layers)
    assert _say(workshop.client, f"{ORGANISATION_MODEL}:latest") == "Hello."
    assert f"gpu-{ORGANISATION_MODEL}" in [model.model for model in workshop.client.list().models]
    saved = workshop.saved().models[-1]
    assert (saved.id, saved.path) == (ORGANISATION_MODEL, "models/OpenVINO_tiny-chat-ov")


def test_the_tag_of_a_gguf_repository_names_a_quantisation(workshop: Workshop, tmp_path: Path) -> None:
    repository = tmp_path / "gguf"
    repository.mkdir()
    [file] = (MODELS / "test_gguf").glob("*.gguf")
    for quantization in ("Q8_0", "Q4_0"):
        shutil.copy(file, repository / f"tiny-{quantization}.gguf")
    workshop.hub.add_model("someone/Tiny-GGUF", repository)
    assert workshop.client.pull("someone/Tiny-GGUF:Q8_0").status == "success"
    [pulled] = (workshop.data_dir / "models" / "someone_Tiny-GGUF").glob("*.gguf")
    assert pulled.name == "tiny-Q8_0.gguf"
    quantization = workshop.client.show("someone/Tiny-GGUF").details.quantization_level  # pyright: ignore[reportOptionalMemberAccess]
    assert _say(workshop.client, f"someone/Tiny-GGUF:{quantization}")
    with pytest.raises(ollama.ResponseError, match="not found"):
        workshop.client.chat("someone/Tiny-GGUF:Q2_K", [{"role": "user", "content": "Hi"}])


def test_pulling_what_is_here_needs_no_hub(workshop: Workshop) -> None:
    assert workshop.client.pull(CHAT).status == "success"
    assert workshop.hub.requests == []


@pytest.mark.parametrize("workshop", [0.1], indirect=True)
def test_a_model_larger_than_the_device_is_not_assigned(workshop: Workshop) -> None:
    workshop.hub.add_model(ORGANISATION_MODEL, MODELS / "test_chat")
    with pytest.raises(ollama.ResponseError, match=r"needs at least 0\.2 GB, .* limited to 0\.1 GB"):
        workshop.client.pull(ORGANISATION_MODEL)
    assert ORGANISATION_MODEL not in [model.id for model in workshop.saved().models]


def test_a_failed_pull_says_why(workshop: Workshop) -> None:
    with pytest.raises(ollama.ResponseError, match="nobody/nothing"):
        workshop.client.pull("nobody/nothing")
    with pytest.raises(ollama.ResponseError, match="nobody/nothing"):
        list(workshop.client.pull("nobody/nothing", stream=True))


def test_a_model_is_deleted_with_its_files(workshop: Workshop) -> None:
    workshop.client.copy(CHAT, "mine")
    assert _say(workshop.client, CHAT) == "Hello."
    workshop.client.delete(CHAT)
    assert not (workshop.data_dir / "models" / "test_chat").exists()
    for name in (CHAT, "mine"):
        with pytest.raises(ollama.ResponseError) as gone:
            _say(workshop.client, name)
        assert gone.value.status_code == 404
    assert [model.id for model in workshop.saved().models] == [EMBEDDING]
    assert workshop.saved().aliases == {}


def test_files_outside_the_models_folder_stay(workshop: Workshop) -> None:
    workshop.client.delete(EMBEDDING)
    assert (MODELS / "test_embedding" / "openvino_model.xml").is_file()
    with pytest.raises(ollama.ResponseError) as missing:
        workshop.client.delete(EMBEDDING)
    assert missing.value.status_code == 404


def test_a_copy_is_another_name(workshop: Workshop) -> None:
    workshop.client.copy(CHAT, "gpt-4o")
    assert _say(workshop.client, "gpt-4o:latest") == "Hello."
    assert "gpu-gpt-4o" in [model.model for model in workshop.client.list().models]
    workshop.client.delete("gpt-4o")
    assert _say(workshop.client, CHAT) == "Hello."
    with pytest.raises(ollama.ResponseError, match="a model of its own"):
        workshop.client.copy(EMBEDDING, CHAT)


def test_a_derived_model_has_its_own_manner(workshop: Workshop, script: Script) -> None:
    workshop.client.create(
        "pirate",
        from_=CHAT,
        system="Speak like a pirate.",
        parameters={"temperature": 0.1, "stop": ["!"], "num_predict": 3},
    )
    script.answer = "Arr!"
    assert _say(workshop.client, "pirate") == "Arr"
    assert script.prompt().startswith("<|im_start|>system\nSpeak like a pirate.<|im_end|>")
    assert script.sampling[-1].temperature == 0.1
    assert script.sampling[-1].max_tokens == 3
    mine = [{"role": "system", "content": "Whisper."}, {"role": "user", "content": "Hi"}]
    workshop.client.chat("pirate", mine, options={"temperature": 0.9})
    assert script.prompt().startswith("<|im_start|>system\nWhisper.<|im_end|>")
    assert script.sampling[-1].temperature == 0.9
    shown = workshop.client.show("pirate")
    assert shown.modelfile is not None
    assert 'SYSTEM """Speak like a pirate."""' in shown.modelfile
    assert shown.parameters is not None
    assert "num_predict" in shown.parameters
    saved = workshop.saved().aliases["pirate"]
    assert (saved.model, saved.parameters["stop"]) == (CHAT, ["!"])


def test_a_derived_model_with_its_own_template(workshop: Workshop, script: Script) -> None:
    template = "{% for message in messages %}[{{ message.role }}] {{ message.content }}\n{% endfor %}[answer]"
    workshop.client.create("plain", from_=CHAT, template=template)
    _say(workshop.client, "plain")
    assert script.prompt() == "[user] Hi\n[answer]"
    with pytest.raises(ollama.ResponseError, match="none of Jinja"):
        workshop.client.create("go", from_=CHAT, template="{{ .System }} {{ .Prompt }}")


def test_derived_models_survive_a_restart(workshop: Workshop, script: Script) -> None:
    workshop.client.create("pirate", from_=CHAT, system="Speak like a pirate.")
    configuration = ConfigStore(workshop.data_dir / "device_config.json").load()
    cpu = [DeviceInfo("CPU", "Test CPU", None)]
    again = build_device_server("gpu", configuration, workshop.data_dir, cpu, make_instance=script.instance_maker())
    assert again.names.resolve("gpu-pirate").model_defaults.system == "Speak like a pirate."


def test_show_speaks_from_the_files(workshop: Workshop) -> None:
    shown = workshop.client.show(CHAT)
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "qwen2"
    assert shown.modelinfo["general.basename"] == "chat"
    assert shown.modelinfo["qwen2.context_length"] == 2048
    assert shown.modelinfo["qwen2.embedding_length"] == 32
    assert shown.capabilities is not None
    assert set(shown.capabilities) == {"completion", "tools", "thinking"}
    assert shown.template is not None
    assert "<|im_start|>" in shown.template
    assert shown.modified_at is not None
    assert workshop.client.show(EMBEDDING).capabilities == ["embedding"]
    old_name = http.post(f"{workshop.url}/api/show", json={"name": CHAT})
    assert old_name.json()["model_info"]


def test_digests_are_hashes_of_the_files(workshop: Workshop) -> None:
    directory = workshop.data_dir / "models" / "test_chat"
    files = sorted(path for path in directory.iterdir() if path.is_file())
    lines = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    expected = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    cache = workshop.data_dir / "cache_gpu" / "digests.json"
    digest = None
    for _ in range(200):
        digest = workshop.client.list().models[0].digest
        if digest == expected:
            break
    assert digest == expected
    assert json.loads(cache.read_text(encoding="utf-8"))


def test_what_does_not_exist_is_refused(workshop: Workshop) -> None:
    with pytest.raises(ollama.ResponseError, match="cannot be pushed"):
        workshop.client.push(CHAT)
    assert httpx.head(f"{workshop.url}/api/blobs/sha256:00").status_code == 404
    assert http.post(f"{workshop.url}/api/blobs/sha256:00", content=b"x").status_code == 400
    for path in ("show", "pull", "create"):
        refused = http.post(f"{workshop.url}/api/{path}", json={})
        assert (refused.status_code, refused.json()) == (400, {"error": "model is required"})
    refused = http.post(f"{workshop.url}/api/create", json={"model": "x", "from": CHAT, "files": {"a": "sha256:0"}})
    assert refused.status_code == 400


def test_without_an_admin_server_pulling_says_what_to_do(scripted: str) -> None:
    refused = httpx.post(f"{scripted}/api/pull", json={"model": "org/unknown", "stream": False}, timeout=60)
    assert refused.status_code == 503
    assert "start main.py" in refused.json()["error"]
