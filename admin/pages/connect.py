"""Ready-made set-ups for clients, with the address and the model filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from admin.live.views import Snapshot

ANY_KEY = "openvino"
YOUR_KEY = "ovk-…"
_SENTENCES = ["OpenVINO 在 Intel 晶片上執行模型。", "香蕉是黃色的。"]


@dataclass(frozen=True)
class ConnectModel:
    """`running`: its device server is up. `abilities` as in ModelFacts; empty of a model whose files are not here."""

    public_id: str
    bare_id: str
    device: str
    port: int
    running: bool
    abilities: tuple[str, ...]

    @property
    def chats(self) -> bool:
        return "chat" in self.abilities

    @property
    def draws(self) -> bool:
        return "image" in self.abilities

    @property
    def audio(self) -> str:
        """What it does with sound: `transcription`, `speech`, or nothing."""
        return next((each for each in self.abilities if each in ("transcription", "speech")), "")

    @property
    def vision(self) -> bool:
        """It takes images."""
        return "vision" in self.abilities


@dataclass(frozen=True)
class Recipe:
    """`name` is also the key of its explanation, `connect.<name>`."""

    name: str
    title: str
    code: str


def served_models(snapshot: Snapshot) -> list[ConnectModel]:
    """What enabled devices offer, in the configuration's order."""
    return [
        ConnectModel(model.public_id, model.id, card.name, card.port, card.state == "running", model.abilities)
        for card in snapshot.devices
        if card.enabled
        for model in card.assigned
    ]


@dataclass(frozen=True)
class Way:
    """How a client reaches the models: the host it knows this machine by, and whether it must show a key. `gateway`:
    the port of the one address for all of them, where there is one."""

    host: str
    scheme: str = "http"
    needs_key: bool = False
    gateway: int | None = None

    def base(self, model: ConnectModel) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.gateway or model.port}"

    @property
    def key(self) -> str:
        """What stands for the key; without keys anything will do."""
        return YOUR_KEY if self.needs_key else ANY_KEY


def addresses(model: ConnectModel, way: Way) -> list[tuple[str, str]]:
    base = way.base(model)
    return [("OpenAI", f"{base}/v1"), ("Ollama", base), ("Anthropic", base)]


def gateway_recipes(snapshot: Snapshot, way: Way) -> list[Recipe]:
    """How all models are reached at one address, shown with the first name there is."""
    models = served_models(snapshot)
    if not models:
        return []
    first = next((model for model in models if model.chats), models[0])
    name = next((alias.name for alias in snapshot.gateway.aliases), first.bare_id)
    wanted = ("curl", "python", "ollama", "claude")
    return [each for each in recipes(replace(first, public_id=name), way) if each.name in wanted]


def recipes(model: ConnectModel, way: Way) -> list[Recipe]:
    base, name, key = way.base(model), model.public_id, way.key
    needed = key if way.needs_key else None
    if "embedding" in model.abilities:
        return [
            Recipe("embed_curl", "curl", _post(base, "/v1/embeddings", {"model": name, "input": _SENTENCES}, needed)),
            Recipe("embed_python", "Python · openai", _embed_python(base, name, key)),
            Recipe("embed_ollama", "Ollama", _post(base, "/api/embed", {"model": name, "input": _SENTENCES}, needed)),
        ]
    if "rerank" in model.abilities:
        body = {"model": name, "query": "什麼是 OpenVINO？", "documents": _SENTENCES}
        return [Recipe("rerank_curl", "curl", _post(base, "/v1/rerank", body, needed))]
    if "transcription" in model.abilities:
        form = {"file": "@speech.wav", "model": name}
        return [
            Recipe("transcribe_curl", "curl", _form(base, "/v1/audio/transcriptions", form, needed)),
            Recipe("transcribe_python", "Python · openai", _transcribe_python(base, name, key)),
            Recipe("transcribe_openwebui", "Open WebUI", _fields(_engine("STT", base, name, key))),
            Recipe(
                "transcribe_homeassistant", "Home Assistant", _fields({"URL": f"{base}/v1", "Key": key, "Model": name})
            ),
        ]
    if "speech" in model.abilities:
        body = {"model": name, "input": "Hello.", "voice": "default", "response_format": "wav"}
        return [
            Recipe("speak_curl", "curl", _post(base, "/v1/audio/speech", body, needed) + " -o speech.wav"),
            Recipe("speak_openwebui", "Open WebUI", _fields(_engine("TTS", base, name, key))),
        ]
    if "image" in model.abilities:
        body = {"model": name, "prompt": "a lighthouse at dawn", "size": "512x512"}
        return [
            Recipe("draw_curl", "curl", _post(base, "/v1/images/generations", body, needed)),
            Recipe("draw_python", "Python · openai", _draw_python(base, name, key)),
        ]
    return [
        Recipe("curl", "curl", _curl(base, name, needed)),
        Recipe("python", "Python · openai", _python(base, name, key)),
        Recipe("javascript", "JavaScript · openai", _javascript(base, name, key)),
        Recipe("ollama", "Ollama CLI / Python", _ollama(base, name, needed)),
        Recipe("openwebui", "Open WebUI", _open_webui(base, needed)),
        Recipe("continue", "Continue", _continue(base, name, key)),
        Recipe("cline", "Cline", _cline(base, name, key)),
        Recipe("claude", "Claude Code", _claude(base, name, key)),
        Recipe("langchain", "LangChain", _langchain(base, name, key)),
        Recipe("homeassistant", "Home Assistant", _fields({"URL": base, "Model": name})),
        Recipe("n8n", "n8n", _fields({"Base URL": f"{base}/v1", "API Key": key, "Model": name})),
    ]


def _curl(base: str, name: str, key: str | None) -> str:
    body = {"model": name, "stream": True, "messages": [{"role": "user", "content": "什麼是 OpenVINO？"}]}
    return _post(base, "/v1/chat/completions", body, key)


def _embed_python(base: str, name: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.embeddings.create(model="{name}", input={json.dumps(_SENTENCES, ensure_ascii=False)})
print([len(each.embedding) for each in answer.data])"""


def _transcribe_python(base: str, name: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
with open("speech.wav", "rb") as file:
    print(client.audio.transcriptions.create(model="{name}", file=file).text)"""


def _draw_python(base: str, name: str, key: str) -> str:
    return f"""import base64
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.images.generate(model="{name}", prompt="a lighthouse at dawn", size="512x512")
with open("picture.png", "wb") as file:
    file.write(base64.b64decode(answer.data[0].b64_json))"""


def _engine(kind: str, base: str, name: str, key: str) -> dict[str, str]:
    """The labels of Open WebUI's audio settings."""
    return {f"{kind} Engine": "OpenAI", "API Base URL": f"{base}/v1", "API Key": key, f"{kind} Model": name}


def _form(base: str, path: str, fields: dict[str, str], key: str | None) -> str:
    return (
        f"curl {base}{path} \\\n"
        + (f'  -H "Authorization: Bearer {key}" \\\n' if key else "")
        + " \\\n".join(f'  -F "{field}={value}"' for field, value in fields.items())
    )


def _post(base: str, path: str, body: dict[str, Any], key: str | None) -> str:
    return (
        f"curl -N {base}{path} \\\n"
        + (f'  -H "Authorization: Bearer {key}" \\\n' if key else "")
        + '  -H "Content-Type: application/json" \\\n'
        + f"  -d '{json.dumps(body, ensure_ascii=False)}'"
    )


def _python(base: str, name: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
stream = client.chat.completions.create(
    model="{name}",
    messages=[{{"role": "user", "content": "什麼是 OpenVINO？"}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""


def _javascript(base: str, name: str, key: str) -> str:
    return f"""import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{key}" }});
const stream = await client.chat.completions.create({{
  model: "{name}",
  messages: [{{ role: "user", content: "什麼是 OpenVINO？" }}],
  stream: true,
}});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");"""


def _ollama(base: str, name: str, key: str | None) -> str:
    ask = f"""chat(model="{name}", messages=[{{"role": "user", "content": "什麼是 OpenVINO？"}}])
print(answer.message.content)"""
    if key:  # the command line tool sends a key to its maker's own service only
        return f"""# Python
from ollama import Client
answer = Client(host="{base}", headers={{"Authorization": "Bearer {key}"}}).{ask}"""
    return f"""# Linux, macOS
OLLAMA_HOST={base} ollama run {name}

# Windows PowerShell
$env:OLLAMA_HOST = "{base}"; ollama run {name}

# Python
from ollama import Client
answer = Client(host="{base}").{ask}"""


def _open_webui(base: str, key: str | None) -> str:
    """As an Ollama connection, where a key is needed as OpenAI's."""
    variables = {"OPENAI_API_BASE_URL": f"{base}/v1", "OPENAI_API_KEY": key} if key else {"OLLAMA_BASE_URL": base}
    posix = " ".join(f"{name}={value}" for name, value in variables.items())
    windows = "; ".join(f'$env:{name} = "{value}"' for name, value in variables.items())
    return f"""pip install open-webui

# Linux, macOS
{posix} open-webui serve

# Windows PowerShell
{windows}; open-webui serve"""


def _continue(base: str, name: str, key: str) -> str:
    return f"""name: OpenVINO
version: 0.0.1
schema: v1
models:
  - name: {name}
    provider: openai
    model: {name}
    apiBase: {base}/v1
    apiKey: {key}
    roles: [chat, edit, apply]"""


def _cline(base: str, name: str, key: str) -> str:
    return _fields({"API Provider": "OpenAI Compatible", "Base URL": f"{base}/v1", "API Key": key, "Model ID": name})


def _claude(base: str, name: str, key: str) -> str:
    return f"""# Linux, macOS
export ANTHROPIC_BASE_URL={base}
export ANTHROPIC_AUTH_TOKEN={key}
claude --model {name}

# Windows PowerShell
$env:ANTHROPIC_BASE_URL = "{base}"; $env:ANTHROPIC_AUTH_TOKEN = "{key}"
claude --model {name}"""


def _langchain(base: str, name: str, key: str) -> str:
    return f"""from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="{base}/v1", api_key="{key}", model="{name}")
print(model.invoke("什麼是 OpenVINO？").content)"""


def _fields(values: dict[str, str]) -> str:
    width = max(map(len, values))
    return "\n".join(f"{label.ljust(width)}  {value}" for label, value in values.items())
