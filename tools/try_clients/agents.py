"""Coding agents without a screen: each reads a file by its own tool and says what the file holds.

agents.py FOLDER, where their commands lie
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from trial import SERVER, contains, run

COMMANDS = Path(sys.argv[1])
VERSION_OF = {
    "claude": "Claude Code",
    "cn": "Continue",
    "opencode": "OpenCode",
    "cline": "Cline",
    "codex": "Codex",
    "copilot": "GitHub Copilot CLI",
}
NOTE = "hello from the note"
NOWHERE = "http://127.0.0.1:9"
"""For all but the server's own address: what asks the network is refused at once."""

FOLDER = Path(tempfile.mkdtemp(prefix="agents-"))
WORK, HOME = FOLDER / "work", FOLDER / "home"
FILE = WORK / "note.txt"
API_BASE = f"{SERVER['url']}/v1"


def command(name: str, *arguments: str, **variables: str) -> str:
    """What it prints."""
    program = COMMANDS / (f"{name}.cmd" if os.name == "nt" else name)
    environment = {
        **os.environ,
        "PWD": str(WORK),
        "HOME": str(HOME),
        "USERPROFILE": str(HOME),
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **variables,
    }
    done = subprocess.run(
        [program, *arguments],
        cwd=WORK,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    if done.returncode != 0:
        raise AssertionError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.stdout


def version(name: str) -> str:
    found = re.search(r"\d+(\.\d+)+", command(name, "--version"))
    return found[0] if found else "?"


def claude(*arguments: str, model: str) -> dict[str, Any]:
    printed = command(
        "claude",
        "-p",
        *arguments,
        "--model",
        model,
        "--output-format",
        "json",
        ANTHROPIC_BASE_URL=SERVER["url"],
        ANTHROPIC_AUTH_TOKEN="any",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        CLAUDE_CODE_MAX_OUTPUT_TOKENS="200",
    )
    return json.loads(printed)


def claude_code() -> None:
    answer = claude(f"CALL Read file_path={FILE} END", model=SERVER["agent"])
    contains(answer["result"], NOTE)


def claude_code_again_with_the_prompt_in_the_cache() -> None:
    """The first turn reads a prompt of 33,000 tokens; the second only what is new."""
    seconds: list[float] = []
    for follow_up in ((), ("-c",)):
        began = time.monotonic()
        answer = claude(*follow_up, SERVER["question"], model=SERVER["long"])
        seconds.append(time.monotonic() - began)
        tokens = answer["usage"]["input_tokens"] + answer["usage"]["cache_read_input_tokens"]
        print(f"Claude Code, {tokens} tokens: {seconds[-1]:.1f} s", file=sys.stderr)
    if seconds[1] > seconds[0] / 3:
        raise AssertionError(f"the second turn took {seconds[1]:.1f} s, the first {seconds[0]:.1f} s")


def continue_cli() -> None:
    config = FOLDER / "config.yaml"
    config.write_text(
        f"""name: OpenVINO
version: 0.0.1
schema: v1
models:
  - name: agent
    provider: openai
    model: {SERVER["agent"]}
    apiBase: {API_BASE}
    apiKey: any
    capabilities: [tool_use]
    roles: [chat, edit, apply]
""",
        encoding="utf-8",
    )
    order = f"CALL Read filepath={FILE} END"
    contains(command("cn", "-p", "--config", str(config), order, CONTINUE_TELEMETRY_ENABLED="0"), NOTE)


def opencode() -> None:
    name = f"openvino/{SERVER['agent']}"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "OpenVINO",
        "options": {"baseURL": API_BASE, "apiKey": "any"},
        "models": {SERVER["agent"]: {"name": "agent", "limit": {"context": SERVER["context"], "output": 8192}}},
    }
    config = {
        "autoupdate": False,
        "share": "disabled",
        "provider": {"openvino": provider},
        "model": name,
        "small_model": name,
    }
    (WORK / "opencode.json").write_text(json.dumps(config), encoding="utf-8")
    contains(command("opencode", "run", f"CALL read filePath={FILE} END"), NOTE)


def cline() -> None:
    command("cline", "auth", "-p", "openai-compatible", "-k", "any", "-m", SERVER["agent"], "-b", API_BASE)
    try:
        printed = command("cline", "--json", "-P", "openai-compatible", f"CALL read_files path={FILE} END")
    finally:
        end_what_cline_leaves()
    contains(printed.splitlines()[-1], NOTE)


def end_what_cline_leaves() -> None:
    """A daemon, which would wait for further commands."""
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or ()
        if "--cline-hub-daemon" in arguments and str(WORK) in arguments:
            process.terminate()


def codex() -> None:
    config = f"""model = "{SERVER["agent"]}"
model_provider = "openvino"
model_context_window = {SERVER["context"]}

[model_providers.openvino]
name = "OpenVINO"
base_url = "{API_BASE}"
wire_api = "responses"
"""
    (HOME / ".codex").mkdir()
    (HOME / ".codex" / "config.toml").write_text(config, encoding="utf-8")
    order = f"CALL exec_command cmd=cat<{FILE} END"
    contains(command("codex", "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", order), NOTE)


def copilot_cli(wire: str) -> None:
    printed = command(
        "copilot",
        "--allow-all-tools",
        "-p",
        f"CALL view path={FILE} END",
        COPILOT_OFFLINE="true",
        COPILOT_PROVIDER_BASE_URL=API_BASE,
        COPILOT_PROVIDER_WIRE_API=wire,
        COPILOT_MODEL=SERVER["agent"],
    )
    contains(printed, NOTE)


def copilot_cli_by_chat_completions() -> None:
    copilot_cli("completions")


def copilot_cli_by_responses() -> None:
    copilot_cli("responses")


for folder in (WORK, HOME):
    folder.mkdir()
FILE.write_text(f"{NOTE}\n", encoding="utf-8")
run(
    {title: version(name) for name, title in VERSION_OF.items()},
    [
        claude_code,
        claude_code_again_with_the_prompt_in_the_cache,
        continue_cli,
        opencode,
        cline,
        codex,
        copilot_cli_by_chat_completions,
        copilot_cli_by_responses,
    ],
)
