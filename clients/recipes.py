"""Ready-made set-ups for clients, with the address and the model filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.agent import Agent
from clients.agents import AGENTS
from clients.places import Places
from clients.target import ANY_KEY, YOUR_KEY, Target
from i18n.catalogues import Translator


@dataclass(frozen=True)
class ConnectModel:
    """`running`: its device server is up. `abilities` as in ModelFacts; empty of a model whose files are not here.
    `context`: tokens on its device; `level` of its memory, as `admin.live.views.Fitness` has it."""

    public_id: str
    bare_id: str
    device: str
    port: int
    running: bool
    abilities: tuple[str, ...]
    context: int | None = None
    level: str | None = None

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
    """`name` is also the key of its explanation, `connect.<name>`. `agent`: its name for `launch`, if any."""

    name: str
    title: str
    code: str
    agent: str | None = None


@dataclass(frozen=True)
class Examples:
    """What the snippets ask and say, in the reader's language."""

    question: str = "What is OpenVINO?"
    sentences: tuple[str, ...] = ("OpenVINO runs models on Intel chips.", "Bananas are yellow.")
    spoken: str = "Hello, nice to meet you."
    picture: str = "a lighthouse at dawn"

    @classmethod
    def of(cls, t: Translator) -> Examples:
        sentences = (t("connect.example_sentence"), t("connect.example_other_sentence"))
        return cls(t("connect.example_question"), sentences, t("connect.example_spoken"), t("connect.example_picture"))


@dataclass(frozen=True)
class Way:
    """How a client reaches the models: the host it knows this machine by, and whether it must show a key. `gateway`:
    the port of the one address for all of them, where there is one."""

    host: str
    scheme: str = "http"
    needs_key: bool = False
    gateway: int | None = None
    given_key: str | None = None
    say: Examples = Examples()

    def base(self, model: ConnectModel) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.gateway or model.port}"

    def target(self, model: ConnectModel) -> Target:
        base, key = self.base(model), self.key
        return Target(base, model.public_id, key, self.needs_key, model.context, model.vision)

    @property
    def key(self) -> str:
        """What stands for the key; without keys anything will do."""
        return self.given_key or (YOUR_KEY if self.needs_key else ANY_KEY)


def addresses(model: ConnectModel, way: Way) -> list[tuple[str, str]]:
    base = way.base(model)
    return [("OpenAI", f"{base}/v1"), ("Ollama", base), ("Anthropic", base)]


def recipes(model: ConnectModel, way: Way) -> list[Recipe]:
    base, name, key = way.base(model), model.public_id, way.key
    needed = key if way.needs_key else None
    say = way.say
    if "embedding" in model.abilities:
        return [
            Recipe(
                "embed_curl", "curl", _post(base, "/v1/embeddings", {"model": name, "input": say.sentences}, needed)
            ),
            Recipe("embed_python", "Python · openai", _embed_python(base, name, key, say)),
            Recipe(
                "embed_ollama", "Ollama", _post(base, "/api/embed", {"model": name, "input": say.sentences}, needed)
            ),
        ]
    if "rerank" in model.abilities:
        body = {"model": name, "query": say.question, "documents": say.sentences}
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
        body = {"model": name, "input": say.spoken, "voice": "default", "response_format": "wav"}
        return [
            Recipe("speak_curl", "curl", _post(base, "/v1/audio/speech", body, needed) + " -o speech.wav"),
            Recipe("speak_openwebui", "Open WebUI", _fields(_engine("TTS", base, name, key))),
        ]
    if "image" in model.abilities:
        body = {"model": name, "prompt": say.picture, "size": "512x512"}
        return [
            Recipe("draw_curl", "curl", _post(base, "/v1/images/generations", body, needed)),
            Recipe("draw_python", "Python · openai", _draw_python(base, name, key, say)),
        ]
    return [
        Recipe("curl", "curl", _curl(base, name, needed, say)),
        Recipe("python", "Python · openai", _python(base, name, key, say)),
        Recipe("javascript", "JavaScript · openai", _javascript(base, name, key, say)),
        Recipe("ollama", "Ollama CLI / Python", _ollama(base, name, needed, say)),
        *(_agent_recipe(agent, way.target(model)) for agent in AGENTS.values()),
        Recipe("langchain", "LangChain", _langchain(base, name, key, say)),
        Recipe("homeassistant", "Home Assistant", _fields({"URL": base, "Model": name})),
        Recipe("n8n", "n8n", _fields({"Base URL": f"{base}/v1", "API Key": key, "Model": name})),
    ]


def _curl(base: str, name: str, key: str | None, say: Examples) -> str:
    body = {"model": name, "stream": True, "messages": [{"role": "user", "content": say.question}]}
    return _post(base, "/v1/chat/completions", body, key)


def _embed_python(base: str, name: str, key: str, say: Examples) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.embeddings.create(model="{name}", input={json.dumps(say.sentences, ensure_ascii=False)})
print([len(each.embedding) for each in answer.data])"""


def _transcribe_python(base: str, name: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
with open("speech.wav", "rb") as file:
    print(client.audio.transcriptions.create(model="{name}", file=file).text)"""


def _draw_python(base: str, name: str, key: str, say: Examples) -> str:
    return f"""import base64
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.images.generate(model="{name}", prompt={_literal(say.picture)}, size="512x512")
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


def _python(base: str, name: str, key: str, say: Examples) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
stream = client.chat.completions.create(
    model="{name}",
    messages=[{{"role": "user", "content": {_literal(say.question)}}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""


def _javascript(base: str, name: str, key: str, say: Examples) -> str:
    return f"""import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{key}" }});
const stream = await client.chat.completions.create({{
  model: "{name}",
  messages: [{{ role: "user", content: {_literal(say.question)} }}],
  stream: true,
}});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");"""


def _ollama(base: str, name: str, key: str | None, say: Examples) -> str:
    ask = f"""chat(model="{name}", messages=[{{"role": "user", "content": {_literal(say.question)}}}])
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


def _agent_recipe(agent: Agent, target: Target) -> Recipe:
    """Variables and a command where these are all it takes, else the file."""
    if agent.name == "cline":  # its settings in an editor; its command has a file, which is not meant for people
        code = _fields(
            {
                "API Provider": "OpenAI Compatible",
                "Base URL": target.openai,
                "API Key": target.key,
                "Model ID": target.model,
            }
        )
    else:
        code = _configured(agent, target) if agent.shown_as_file else _started(agent, target)
    return Recipe(agent.name.replace("-", ""), agent.title, code, agent.name)


def _started(agent: Agent, target: Target) -> str:
    variables = agent.environment(target)
    command = " ".join([agent.program, *map(_quoted, agent.arguments(target))])
    posix = [f"export {name}={_quoted(value)}" for name, value in variables.items()]
    windows = [f'$env:{name} = "{value}"' for name, value in variables.items()]
    return "\n".join(["# Linux, macOS", *posix, command, "", "# Windows PowerShell", *windows, command])


def _quoted(word: str) -> str:
    return word if all(each.isalnum() or each in "-_./:=@" for each in word) else f"'{word}'"


def _configured(agent: Agent, target: Target) -> str:
    home = Path("~")
    return "\n\n".join(
        f"# {file.path.as_posix()}\n{file.text()}".rstrip() if file.path.suffix != ".json" else file.text().rstrip()
        for file in agent.files(target, Places(home))
    )


def _langchain(base: str, name: str, key: str, say: Examples) -> str:
    return f"""from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="{base}/v1", api_key="{key}", model="{name}")
print(model.invoke({_literal(say.question)}).content)"""


def _fields(values: dict[str, str]) -> str:
    width = max(map(len, values))
    return "\n".join(f"{label.ljust(width)}  {value}" for label, value in values.items())


def _literal(text: str) -> str:
    """As Python and JavaScript write it."""
    return json.dumps(text, ensure_ascii=False)
