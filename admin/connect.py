"""Ready-made set-ups for clients, with the address and the model filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass

from admin.views import Snapshot

ANY_KEY = "openvino"


@dataclass(frozen=True)
class ServedModel:
    """`running`: its device server is up. `vision`: it takes images."""

    public_id: str
    device: str
    port: int
    running: bool
    vision: bool


@dataclass(frozen=True)
class Recipe:
    """`name` is also the key of its explanation, `connect.<name>`."""

    name: str
    title: str
    code: str


def served_models(snapshot: Snapshot) -> list[ServedModel]:
    """What enabled devices offer, in the configuration's order."""
    return [
        ServedModel(model.public_id, card.name, card.port, card.state == "running", model.kind == "vlm")
        for card in snapshot.devices
        if card.enabled
        for model in card.assigned
    ]


def addresses(model: ServedModel, host: str) -> list[tuple[str, str]]:
    base = _base(model, host)
    return [("OpenAI", f"{base}/v1"), ("Ollama", base), ("Anthropic", base)]


def recipes(model: ServedModel, host: str) -> list[Recipe]:
    base, name = _base(model, host), model.public_id
    return [
        Recipe("curl", "curl", _curl(base, name)),
        Recipe("python", "Python · openai", _python(base, name)),
        Recipe("javascript", "JavaScript · openai", _javascript(base, name)),
        Recipe("ollama", "Ollama CLI / Python", _ollama(base, name)),
        Recipe("openwebui", "Open WebUI", _open_webui(base)),
        Recipe("continue", "Continue", _continue(base, name)),
        Recipe("cline", "Cline", _cline(base, name)),
        Recipe("claude", "Claude Code", _claude(base, name)),
        Recipe("langchain", "LangChain", _langchain(base, name)),
        Recipe("homeassistant", "Home Assistant", _fields({"URL": base, "Model": name})),
        Recipe("n8n", "n8n", _fields({"Base URL": f"{base}/v1", "API Key": ANY_KEY, "Model": name})),
    ]


def _base(model: ServedModel, host: str) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{model.port}"


def _curl(base: str, name: str) -> str:
    body = {"model": name, "stream": True, "messages": [{"role": "user", "content": "什麼是 OpenVINO？"}]}
    return (
        f"curl -N {base}/v1/chat/completions \\\n"
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{json.dumps(body, ensure_ascii=False)}'"
    )


def _python(base: str, name: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{ANY_KEY}")
stream = client.chat.completions.create(
    model="{name}",
    messages=[{{"role": "user", "content": "什麼是 OpenVINO？"}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""


def _javascript(base: str, name: str) -> str:
    return f"""import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{ANY_KEY}" }});
const stream = await client.chat.completions.create({{
  model: "{name}",
  messages: [{{ role: "user", content: "什麼是 OpenVINO？" }}],
  stream: true,
}});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");"""


def _ollama(base: str, name: str) -> str:
    return f"""# Linux, macOS
OLLAMA_HOST={base} ollama run {name}

# Windows PowerShell
$env:OLLAMA_HOST = "{base}"; ollama run {name}

# Python
from ollama import Client
answer = Client(host="{base}").chat(model="{name}", messages=[{{"role": "user", "content": "什麼是 OpenVINO？"}}])
print(answer.message.content)"""


def _open_webui(base: str) -> str:
    return f"""pip install open-webui

# Linux, macOS
OLLAMA_BASE_URL={base} open-webui serve

# Windows PowerShell
$env:OLLAMA_BASE_URL = "{base}"; open-webui serve"""


def _continue(base: str, name: str) -> str:
    return f"""name: OpenVINO
version: 0.0.1
schema: v1
models:
  - name: {name}
    provider: openai
    model: {name}
    apiBase: {base}/v1
    apiKey: {ANY_KEY}
    roles: [chat, edit, apply]"""


def _cline(base: str, name: str) -> str:
    return _fields(
        {"API Provider": "OpenAI Compatible", "Base URL": f"{base}/v1", "API Key": ANY_KEY, "Model ID": name}
    )


def _claude(base: str, name: str) -> str:
    return f"""# Linux, macOS
export ANTHROPIC_BASE_URL={base}
export ANTHROPIC_AUTH_TOKEN={ANY_KEY}
claude --model {name}

# Windows PowerShell
$env:ANTHROPIC_BASE_URL = "{base}"; $env:ANTHROPIC_AUTH_TOKEN = "{ANY_KEY}"
claude --model {name}"""


def _langchain(base: str, name: str) -> str:
    return f"""from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="{base}/v1", api_key="{ANY_KEY}", model="{name}")
print(model.invoke("什麼是 OpenVINO？").content)"""


def _fields(values: dict[str, str]) -> str:
    width = max(map(len, values))
    return "\n".join(f"{label.ljust(width)}  {value}" for label, value in values.items())
