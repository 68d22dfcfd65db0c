"""Ready-made set-ups for clients, with the address and the model filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clients.agent import Agent
from clients.agents import AGENTS
from clients.places import Places
from clients.snippets import (
    Examples,
    curl_chat,
    curl_form,
    curl_json,
    javascript_chat,
    langchain_chat,
    ollama_chat,
    openwebui_audio,
    python_chat,
    python_embeddings,
    python_image,
    python_transcription,
    settings_form,
)
from clients.target import ANY_KEY, YOUR_KEY, Target


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
class Way:
    """How a client reaches the models: the host it knows this machine by, and whether it must show a key. `gateway`:
    the port of the one address for all of them, where there is one."""

    host: str
    scheme: str = "http"
    needs_key: bool = False
    gateway: int | None = None
    given_key: str | None = None
    say: Examples = field(default_factory=Examples)

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
                "embed_curl", "curl", curl_json(base, "/v1/embeddings", {"model": name, "input": say.sentences}, needed)
            ),
            Recipe("embed_python", "Python · openai", python_embeddings(base, name, key, say)),
            Recipe(
                "embed_ollama", "Ollama", curl_json(base, "/api/embed", {"model": name, "input": say.sentences}, needed)
            ),
        ]
    if "rerank" in model.abilities:
        body = {"model": name, "query": say.question, "documents": say.sentences}
        return [Recipe("rerank_curl", "curl", curl_json(base, "/v1/rerank", body, needed))]
    if "transcription" in model.abilities:
        form = {"file": "@speech.wav", "model": name}
        return [
            Recipe("transcribe_curl", "curl", curl_form(base, "/v1/audio/transcriptions", form, needed)),
            Recipe("transcribe_python", "Python · openai", python_transcription(base, name, key)),
            Recipe("transcribe_openwebui", "Open WebUI", settings_form(openwebui_audio("STT", base, name, key))),
            Recipe(
                "transcribe_homeassistant",
                "Home Assistant",
                settings_form({"URL": f"{base}/v1", "Key": key, "Model": name}),
            ),
        ]
    if "speech" in model.abilities:
        body = {"model": name, "input": say.spoken, "voice": "default", "response_format": "wav"}
        return [
            Recipe("speak_curl", "curl", curl_json(base, "/v1/audio/speech", body, needed) + " -o speech.wav"),
            Recipe("speak_openwebui", "Open WebUI", settings_form(openwebui_audio("TTS", base, name, key))),
        ]
    if "image" in model.abilities:
        body = {"model": name, "prompt": say.picture, "size": "512x512"}
        return [
            Recipe("draw_curl", "curl", curl_json(base, "/v1/images/generations", body, needed)),
            Recipe("draw_python", "Python · openai", python_image(base, name, key, say)),
        ]
    return [
        Recipe("curl", "curl", curl_chat(base, name, needed, say)),
        Recipe("python", "Python · openai", python_chat(base, name, key, say)),
        Recipe("javascript", "JavaScript · openai", javascript_chat(base, name, key, say)),
        Recipe("ollama", "Ollama CLI / Python", ollama_chat(base, name, needed, say)),
        *(_agent_recipe(agent, way.target(model)) for agent in AGENTS.values()),
        Recipe("langchain", "LangChain", langchain_chat(base, name, key, say)),
        Recipe("homeassistant", "Home Assistant", settings_form({"URL": base, "Model": name})),
        Recipe("n8n", "n8n", settings_form({"Base URL": f"{base}/v1", "API Key": key, "Model": name})),
    ]


def _agent_recipe(agent: Agent, target: Target) -> Recipe:
    """Variables and a command where these are all it takes, else the file."""
    if agent.name == "cline":  # its settings in an editor; its command has a file, which is not meant for people
        code = settings_form(
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
