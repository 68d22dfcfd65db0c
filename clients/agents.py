"""The clients that `launch` and the Connect screen know. docs/clients.md says in which versions they were tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clients.agent import Agent, ConfigFile
from clients.places import Places
from clients.settings_text import SettingPath, with_values
from clients.target import Target
from clients.yaml_text import NAMED

PROVIDER = "openvino"
_TITLE = "OpenVINO"
_LEAST_CONTEXT = 16_384
_NPM = "npm install -g "


def _claude_environment(target: Target) -> dict[str, str]:
    """All its tiers are the one model; background requests go to it too. What it asks its maker for is left out."""
    tiers = ("OPUS", "SONNET", "HAIKU")
    return {
        "ANTHROPIC_BASE_URL": target.base,
        "ANTHROPIC_AUTH_TOKEN": target.key,
        **{f"ANTHROPIC_DEFAULT_{tier}_MODEL": target.model for tier in tiers},
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(target.output),
    }


def _claude_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    values: dict[SettingPath, Any] = {("env", name): value for name, value in _claude_environment(target).items()}
    path = places.folder("CLAUDE_CONFIG_DIR", ".claude") / "settings.json"
    return [ConfigFile(path, {("model",): target.model, **values})]


def _codex_values(target: Target) -> dict[SettingPath, Any]:
    provider: dict[str, Any] = {"name": _TITLE, "base_url": target.openai, "wire_api": "responses"}
    if target.needs_key:
        provider["http_headers"] = {"Authorization": f"Bearer {target.key}"}
    window = {("model_context_window",): target.context} if target.context else {}
    values = {("model",): target.model, ("model_provider",): PROVIDER, **window}
    return {**values, ("model_providers", PROVIDER): provider}


def _codex_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    return [ConfigFile(places.folder("CODEX_HOME", ".codex") / "config.toml", _codex_values(target))]


def _codex_arguments(target: Target) -> Sequence[str]:
    return [
        word
        for path, value in _codex_values(target).items()
        for word in ("-c", f"{'.'.join(path)}={_inline_toml(value)}")
    ]


def _inline_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)  # of a text without control characters, and of a number, TOML's form is JSON's


def _opencode_values(target: Target) -> dict[SettingPath, Any]:
    limit = {"limit": {"context": target.context, "output": target.output}} if target.context else {}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": _TITLE,
        "options": {"baseURL": target.openai, "apiKey": target.key},
        "models": {target.model: limit},
    }
    name = f"{PROVIDER}/{target.model}"
    schema = "https://opencode.ai/config.json"  # which it would write into the file itself
    return {("$schema",): schema, ("provider", PROVIDER): provider, ("model",): name, ("small_model",): name}


def _opencode_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    folder = places.config("opencode")
    path = next((each for each in (folder / "opencode.jsonc", folder / "opencode.json") if each.exists()), None)
    return [ConfigFile(path or folder / "opencode.json", _opencode_values(target))]


def _opencode_environment(target: Target) -> dict[str, str]:
    """It lays this over its own files."""
    content = with_values({}, _opencode_values(target))
    return {"OPENCODE_CONFIG_CONTENT": json.dumps(content, ensure_ascii=False, separators=(",", ":"))}


def _copilot_environment(target: Target) -> dict[str, str]:
    return {
        "COPILOT_PROVIDER_BASE_URL": target.openai,
        "COPILOT_PROVIDER_API_KEY": target.key,
        "COPILOT_MODEL": target.model,
        "COPILOT_OFFLINE": "true",  # it asks for an account at GitHub otherwise
    }


def _continue_model(target: Target) -> dict[str, Any]:
    abilities = ["tool_use", *(["image_input"] if target.vision else [])]
    context = {"defaultCompletionOptions": {"contextLength": target.context}} if target.context else {}
    return {
        "name": f"{_TITLE} {target.model}",
        "provider": "openai",
        "model": target.model,
        "apiBase": target.openai,
        "apiKey": target.key,
        "capabilities": abilities,
        "roles": ["chat", "edit", "apply"],
        **context,
    }


def _continue_file(folder: Path, target: Target) -> ConfigFile:
    model = _continue_model(target)
    values = {("models", f"{NAMED}{model['name']}"): model}
    return ConfigFile(folder / "config.yaml", values, head=_CONTINUE_HEAD)


def _continue_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    return [_continue_file(places.folder("CONTINUE_GLOBAL_DIR", ".continue"), target)]


_CONTINUE_HEAD: dict[SettingPath, Any] = {("name",): _TITLE, ("version",): "0.0.1", ("schema",): "v1"}
"""What its configuration begins with."""


def _cline_values(target: Target) -> dict[SettingPath, Any]:
    settings = {"provider": "openai-compatible", "apiKey": target.key, "model": target.model, "baseUrl": target.openai}
    provider = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    return {("lastUsedProvider",): "openai-compatible", ("providers", "openai-compatible"): provider}


def _cline_file(folder: Path, target: Target) -> ConfigFile:
    head: dict[SettingPath, Any] = {("version",): 1, ("modes",): {}}
    return ConfigFile(folder / "settings" / "providers.json", _cline_values(target), head, ("updatedAt",))


def _goose_environment(target: Target) -> dict[str, str]:
    return {
        "GOOSE_PROVIDER": "openai",
        "GOOSE_MODEL": target.model,
        "OPENAI_HOST": target.base,
        "OPENAI_API_KEY": target.key,
    }


def _goose_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    """Keys are no settings there, so without one its provider for Ollama is used, which asks for none."""
    folder = places.config("goose")
    if places.windows:
        folder = places.folder("APPDATA", "AppData", "Roaming") / "Block" / "goose" / "config"
    provider = {"GOOSE_PROVIDER": "openai", "OPENAI_HOST": target.base}
    if not target.needs_key:
        provider = {"GOOSE_PROVIDER": "ollama", "OLLAMA_HOST": target.base}
    values = {**provider, "GOOSE_MODEL": target.model}
    return [ConfigFile(folder / "config.yaml", {(name,): value for name, value in values.items()})]


def _aider_environment(target: Target) -> dict[str, str]:
    return {"OPENAI_API_BASE": target.openai, "OPENAI_API_KEY": target.key}


def _aider_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    values = {
        "model": f"openai/{target.model}",
        "openai-api-base": target.openai,
        "openai-api-key": target.key,
        "show-model-warnings": False,
    }
    return [ConfigFile(places.home / ".aider.conf.yml", {(name,): value for name, value in values.items()})]


def _open_webui_environment(target: Target) -> dict[str, str]:
    """As an Ollama connection, where a key is needed as OpenAI's."""
    if target.needs_key:
        return {"OPENAI_API_BASE_URL": target.openai, "OPENAI_API_KEY": target.key}
    return {"OLLAMA_BASE_URL": target.base}


AGENTS: dict[str, Agent] = {
    agent.name: agent
    for agent in (
        Agent(
            "claude",
            "Claude Code",
            "claude",
            f"{_NPM}@anthropic-ai/claude-code",
            context=40_000,
            prompt_tokens=33_300,
            environment=_claude_environment,
            arguments=lambda target: ("--model", target.model),
            files=_claude_files,
        ),
        Agent(
            "codex",
            "Codex",
            "codex",
            f"{_NPM}@openai/codex",
            shown_as_file=True,
            context=20_480,
            prompt_tokens=15_000,
            arguments=_codex_arguments,
            files=_codex_files,
        ),
        Agent(
            "opencode",
            "OpenCode",
            "opencode",
            f"{_NPM}opencode-ai",
            shown_as_file=True,
            context=_LEAST_CONTEXT,
            prompt_tokens=12_000,
            environment=_opencode_environment,
            files=_opencode_files,
        ),
        Agent(
            "copilot",
            "GitHub Copilot",
            "copilot",
            f"{_NPM}@github/copilot",
            context=24_576,
            prompt_tokens=19_700,
            environment=_copilot_environment,
        ),
        Agent(
            "continue",
            "Continue",
            "cn",
            f"{_NPM}@continuedev/cli",
            shown_as_file=True,
            context=_LEAST_CONTEXT,
            prompt_tokens=2_000,
            files=_continue_files,
            own_files=lambda target, folder: [_continue_file(folder, target)],
            own_arguments=lambda folder: ("--config", str(folder / "config.yaml")),
        ),
        Agent(
            "cline",
            "Cline",
            "cline",
            f"{_NPM}cline",
            context=_LEAST_CONTEXT,
            prompt_tokens=8_100,
            files=lambda target, places: [_cline_file(places.folder("CLINE_DATA_DIR", ".cline", "data"), target)],
            own_files=lambda target, folder: [_cline_file(folder / "data", target)],
            own_arguments=lambda folder: ("--data-dir", str(folder / "data"), "-P", "openai-compatible"),
        ),
        Agent(
            "goose",
            "Goose",
            "goose",
            "https://github.com/block/goose",
            context=_LEAST_CONTEXT,
            environment=_goose_environment,
            files=_goose_files,
        ),
        Agent(
            "aider",
            "aider",
            "aider",
            "pip install aider-chat",
            context=_LEAST_CONTEXT,
            tools=False,
            environment=_aider_environment,
            arguments=lambda target: ("--model", f"openai/{target.model}", "--no-show-model-warnings"),
            files=_aider_files,
        ),
        Agent(
            "open-webui",
            "Open WebUI",
            "open-webui",
            "pip install open-webui",
            context=4_096,
            prompt_tokens=9_600,
            tools=False,
            environment=_open_webui_environment,
            arguments=lambda target: ("serve",),
        ),
    )
}
