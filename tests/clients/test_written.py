"""The configuration of every client that `launch` knows: written into real layouts, read back, undone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml

from clients.agent import Agent
from clients.agents import AGENTS
from clients.json_text import JsonText
from clients.places import Places
from clients.target import Target
from clients.written import CannotConfigure, WrittenClient

MODEL = "gpu-OpenVINO/Qwen3-Coder-30B-A3B-Instruct-int4-ov"
TARGET = Target("http://127.0.0.1:11435", MODEL, context=65_536, vision=True)
OTHER = Target("http://127.0.0.1:11434", "code", "ovk-秘密", True, context=32_768)
WITH_FILES = [agent for agent in AGENTS.values() if agent.takes_files]
EXISTING = {
    "claude": (
        '{\n  "permissions": {"allow": ["Read(C:\\\\work\\\\**)"]},\n'
        '  "env": {"FOO": "1", "ANTHROPIC_BASE_URL": "x"}\n}'
    ),
    "codex": (
        '# mine\nmodel = "gpt-5" # keep me\r\n[projects.\'C:\\Users\\me\']\r\ntrust_level = "trusted"\r\n'
    ).replace("mine\n", "mine\r\n"),
    "opencode": '{\n  // mine\n  "$schema": "https://opencode.ai/config.json",\n  "theme": "x", /* no */\n}\n',
    "continue": "\ufeffname: Mine\nversion: 1.0.0\nschema: v1\n# of mine\nmodels:\n  - name: GPT\n    model: gpt # x\n",
    "cline": '{\n "version": 1, "lastUsedProvider": "cline",\n "providers": {"cline": {"settings": {"model": "m"}}}\n}',
    "goose": "# mine\nGOOSE_PROVIDER: anthropic # was\nextensions:\n  developer:\n    cwd: C:\\Users\\me\n",
    "aider": "## mine\n#model: x\nmodel: sonnet\ndark-mode: true\nread: [CONVENTIONS.md]\n",
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "使用者 me")


@pytest.fixture
def written(tmp_path: Path) -> WrittenClient:
    return WrittenClient(tmp_path / "data" / "clients" / "one")


def path_of(agent: Agent, places: Places) -> Path:
    (file,) = agent.files(TARGET, places)
    return file.path


def put(path: Path, text: str) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path.read_bytes()


def read(path: Path) -> Any:
    """By the format's own library."""
    text = path.read_bytes().decode("utf-8-sig")
    if path.suffix == ".toml":
        return tomlkit.parse(text).unwrap()
    return JsonText().read(text) if path.suffix.startswith(".json") else yaml.safe_load(text)


def holds(agent: Agent, path: Path, target: Target) -> bool:
    """Whether the client, by its documentation, will use the model at the address."""
    data = read(path)
    match agent.name:
        case "claude":
            found = (data["env"]["ANTHROPIC_BASE_URL"], data["model"], data["env"]["ANTHROPIC_AUTH_TOKEN"])
            return found == (target.base, target.model, target.key)
        case "codex":
            provider = data["model_providers"][data["model_provider"]]
            return (provider["base_url"], data["model"]) == (target.openai, target.model)
        case "opencode":
            provider, _, model = data["model"].partition("/")
            made = data["provider"][provider]
            return made["options"]["baseURL"] == target.openai and model == target.model and model in made["models"]
        case "continue":
            made = next(each for each in data["models"] if each["model"] == target.model)
            return made["apiBase"] == target.openai and {"name", "version", "schema"} <= set(data)
        case "cline":
            made = data["providers"][data["lastUsedProvider"]]["settings"]
            return (made["baseUrl"], made["model"], made["apiKey"]) == (target.openai, target.model, target.key)
        case "goose":
            host = data["OPENAI_HOST" if target.needs_key else "OLLAMA_HOST"]
            return (host, data["GOOSE_MODEL"]) == (target.base, target.model)
        case "aider":
            return (data["openai-api-base"], data["model"]) == (target.openai, f"openai/{target.model}")
    return False


def kept(agent: Agent, path: Path) -> bool:
    """Whether what was there beside our settings still is, comments too."""
    text = path.read_bytes().decode("utf-8")
    marks = {
        "claude": ('"Read(C:\\\\work\\\\**)"', '"FOO": "1"'),
        "codex": ("# mine\r\n", "# keep me", "[projects.'C:\\Users\\me']\r\n"),
        "opencode": ("// mine\n", '"theme": "x", /* no */'),
        "continue": ("\ufeffname: Mine\n", "# of mine\n", "model: gpt # x\n"),
        "cline": ('"providers": {', '"model": "m"'),
        "goose": ("# mine\n", "# was", "cwd: C:\\Users\\me\n"),
        "aider": ("## mine\n#model: x\n", "read: [CONVENTIONS.md]\n"),
    }
    return all(mark in text for mark in marks[agent.name])


@pytest.mark.parametrize("agent", WITH_FILES, ids=lambda agent: agent.name)
@pytest.mark.parametrize("target", [TARGET, OTHER], ids=["open", "key"])
def test_a_new_file_comes_and_goes(agent: Agent, target: Target, places: Places, written: WrittenClient) -> None:
    written.write(agent.files(target, places), target.model)
    path = path_of(agent, places)
    assert holds(agent, path, target)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, "it may hold a key"
    written.undo()
    assert not places.home.exists()
    assert written.record() is None


@pytest.mark.parametrize("agent", WITH_FILES, ids=lambda agent: agent.name)
def test_a_file_of_its_owner_comes_back_byte_for_byte(agent: Agent, places: Places, written: WrittenClient) -> None:
    path = path_of(agent, places)
    before = put(path, EXISTING[agent.name])
    path.chmod(0o644)
    plan = written.plan(agent.files(TARGET, places))
    assert path.read_bytes() == before, "a plan changes nothing"
    changes = written.write(agent.files(TARGET, places), MODEL)
    assert plan == changes
    assert changes[0].before == before
    assert changes[0].after == path.read_bytes()
    assert holds(agent, path, TARGET)
    assert kept(agent, path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    written.write(agent.files(OTHER, places), OTHER.model)
    assert holds(agent, path, OTHER)
    assert kept(agent, path)
    assert MODEL not in path.read_text(encoding="utf-8"), "the model before is gone"
    written.undo()
    assert path.read_bytes() == before


@pytest.mark.parametrize("agent", WITH_FILES, ids=lambda agent: agent.name)
def test_what_the_client_added_since_stays(agent: Agent, places: Places, written: WrittenClient) -> None:
    path = path_of(agent, places)
    put(path, EXISTING[agent.name])
    before = read(path)
    written.write(agent.files(TARGET, places), MODEL)
    text = path.read_bytes().decode("utf-8")
    addition = {".toml": '\r\n[added]\r\nx = "1"\r\n', ".json": None}.get(path.suffix, "added: 1\n")
    if addition is None:
        text = text.replace("{", '{"added": 1,', 1)
    else:
        text = text.rstrip("\n") + "\n" + addition if path.suffix != ".toml" else text + addition
    path.write_bytes(text.encode("utf-8"))
    written.undo()
    assert read(path) == before | {"added": read(path)["added"]}
    assert kept(agent, path)


def test_a_setting_that_its_owner_changed_since_stays(places: Places, written: WrittenClient) -> None:
    agent = AGENTS["claude"]
    path = path_of(agent, places)
    put(path, EXISTING["claude"])
    written.write(agent.files(TARGET, places), MODEL)
    put(path, path.read_text(encoding="utf-8").replace(MODEL, "opus", 1))
    written.undo()
    data = read(path)
    changed = {key: value for key, value in data["env"].items() if value == "opus"}
    assert data.get("model") == "opus" or changed
    assert data["env"]["ANTHROPIC_BASE_URL"] == "x", "what was there before us"


def test_what_the_client_wrote_anew_in_its_own_way_comes_back_too(places: Places, written: WrittenClient) -> None:
    agent = AGENTS["cline"]
    path = path_of(agent, places)
    before = put(path, EXISTING["cline"])
    written.write(agent.files(TARGET, places), MODEL)
    data = read(path)
    data["providers"]["openai-compatible"]["updatedAt"] = "2030-01-01T00:00:00.000Z"
    put(path, json.dumps(data))
    written.undo()
    assert path.read_bytes() == before


def test_a_file_that_its_owner_deleted_stays_deleted(places: Places, written: WrittenClient) -> None:
    agent = AGENTS["codex"]
    written.write(agent.files(TARGET, places), MODEL)
    path_of(agent, places).unlink()
    written.undo()
    assert not path_of(agent, places).exists()


@pytest.mark.parametrize("agent", WITH_FILES, ids=lambda agent: agent.name)
@pytest.mark.parametrize("content", [b"\xff\xfe{\x00", b"[[[\n", b"- a\n- b\n"], ids=["utf-16", "broken", "list"])
def test_what_cannot_be_changed_safely_stays(
    agent: Agent, content: bytes, places: Places, written: WrittenClient
) -> None:
    path = path_of(agent, places)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(CannotConfigure, match=path.name.replace(".", r"\.")):
        written.write(agent.files(TARGET, places), MODEL)
    assert path.read_bytes() == content
    assert written.record() is None


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_linked_file_stays_a_link(places: Places, written: WrittenClient, tmp_path: Path) -> None:
    agent = AGENTS["aider"]
    path = path_of(agent, places)
    before = put(tmp_path / "dotfiles" / "aider.yml", EXISTING["aider"])
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "dotfiles" / "aider.yml")
    written.write(agent.files(TARGET, places), MODEL)
    assert path.is_symlink()
    assert holds(agent, path, TARGET)
    written.undo()
    assert (path.is_symlink(), path.read_bytes()) == (True, before)


def test_folders_are_where_the_environment_says(tmp_path: Path) -> None:
    variables = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "CONTINUE_GLOBAL_DIR", "CLINE_DATA_DIR")
    places = Places(tmp_path / "home", {name: str(tmp_path / name) for name in variables})
    for name in ("claude", "codex", "opencode", "continue", "cline", "goose"):
        assert not path_of(AGENTS[name], places).is_relative_to(tmp_path / "home"), name
    roaming = Places(tmp_path, {"APPDATA": str(tmp_path / "Roaming")}, windows=True)
    assert path_of(AGENTS["goose"], roaming) == tmp_path / "Roaming" / "Block" / "goose" / "config" / "config.yaml"


def test_opencode_takes_the_file_that_is_there(places: Places) -> None:
    folder = places.config("opencode")
    assert path_of(AGENTS["opencode"], places).name == "opencode.json"
    put(folder / "opencode.jsonc", "{}")
    assert path_of(AGENTS["opencode"], places).name == "opencode.jsonc"


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_every_client_is_pointed_at_the_server_when_started(agent: Agent, tmp_path: Path) -> None:
    given = [*agent.environment(TARGET).values(), *agent.arguments(TARGET), *agent.own_arguments(tmp_path)]
    given += [file.text() for file in agent.own_files(TARGET, tmp_path)]
    said = "\n".join(given)
    assert TARGET.base in said
    assert MODEL in said or agent.name == "open-webui", "it has a list of models"
    own = agent.own_files(TARGET, tmp_path)
    assert all(file.path.is_relative_to(tmp_path) for file in own)
    assert json.dumps(agent.environment(OTHER)) != json.dumps(agent.environment(TARGET)) or not agent.environment(OTHER)
