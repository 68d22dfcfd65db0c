"""`launch`: which model a client gets, what is written for it, and how it is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.agents import AGENTS
from commands.entry import run_command
from commands.options import parse_command
from commands.use_options import CLIENTS
from configuration.gateway_config import GatewayAlias
from i18n.catalogues import Catalogues
from model_registry import HubSettings
from supervision.run_file import announced
from tests.admin.site import NO_HUB, LiveSite, add_model, assigned, make_site
from tests.commands.conftest import Command
from tests.helpers import wait_until
from tests.model_files.tiny_models import make_llm
from tests.support.launch import PROJECT

PLAIN, AGENT = "org/plain", "org/agent"
TOOLS = (
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}<tools>{{ tools }}</tools><tool_call>{% endif %}"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "使用者 home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "CONTINUE_GLOBAL_DIR", "CLINE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def live(data_dir: Path, tmp_path: Path, home: Path) -> Iterator[LiveSite]:
    site = make_site(data_dir, hub=HubSettings(NO_HUB))
    plain, agent = make_llm(tmp_path / "plain"), make_llm(tmp_path / "agent")
    add_model(site, PLAIN, plain, config={"max_position_embeddings": 4096})
    add_model(site, AGENT, agent, config={"max_position_embeddings": 65_536})
    with LiveSite(site) as live, announced(data_dir, live.url):
        yield live


def serve(live: LiveSite, *models: str) -> None:
    live.site.store.change_device("gpu", lambda before: before.model_copy(update={"models": assigned(models)}))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for every client on the PATH; it writes what it was started with into this file."""
    folder, seen = tmp_path / "bin dir", tmp_path / "seen.json"
    folder.mkdir()
    script = folder / "client.py"
    script.write_text(
        "import json, os, sys\n"
        "umask = os.umask(0)\n"
        "seen = {'arguments': sys.argv[1:], 'environment': dict(os.environ), 'umask': umask, 'folder': os.getcwd()}\n"
        f"json.dump(seen, open({str(seen)!r}, 'w'))\n"
        "sys.exit(7)\n",
        encoding="utf-8",
    )
    for agent in AGENTS.values():
        if os.name == "nt":
            (folder / f"{agent.program}.cmd").write_text(f'@"{sys.executable}" "{script}" %*\r\n', encoding="utf-8")
        else:
            path = folder / agent.program
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
            path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return seen


def test_the_command_line_knows_every_client() -> None:
    assert tuple(AGENTS) == CLIENTS
    for language in ("en", "zh-TW"):
        translator = Catalogues(PROJECT / "locales").get(language)
        assert translator is not None
        for agent in AGENTS.values():
            assert translator(f"connect.{agent.name.replace('-', '')}")


def test_what_follows_two_dashes_is_the_clients() -> None:
    options = parse_command(["launch", "codex", "--model", "m", "--", "exec", "--json", "--", "hi"])
    assert (options.client, options.model) == ("codex", "m")
    assert options.arguments == ["exec", "--json", "--", "hi"]


def test_a_client_starts_on_the_model_that_is_fit(live: LiveSite, program: Path, home: Path) -> None:
    serve(live, PLAIN, AGENT)
    data_dir = str(live.site.data_dir)
    ended = run_command(["launch", "claude", "--data-dir", data_dir, "--", "-p", "two words"])
    assert ended == 7, "the client's own exit code"
    seen = json.loads(program.read_text(encoding="utf-8"))
    assert seen["arguments"] == ["--model", f"gpu-{AGENT}", "-p", "two words"]
    port = live.site.store.load().devices["gpu"].port
    assert seen["environment"]["ANTHROPIC_BASE_URL"] == f"http://127.0.0.1:{port}"
    assert list(home.iterdir()) == [], "its own files are left alone"


def test_a_client_creates_files_as_its_user_wants_them(live: LiveSite, program: Path, tmp_path: Path) -> None:
    serve(live, AGENT)
    command = [sys.executable, str(PROJECT / "main.py"), "launch", "codex", "--data-dir", str(live.site.data_dir)]
    umask = 0o022 if os.name == "posix" else -1
    assert subprocess.run(command, cwd=tmp_path, umask=umask).returncode == 7
    seen = json.loads(program.read_text(encoding="utf-8"))
    assert seen["umask"] == 0o022 or os.name != "posix"
    assert Path(seen["folder"]).samefile(tmp_path)


@pytest.mark.parametrize("client", [name for name, agent in AGENTS.items() if agent.tools])
def test_a_model_that_is_not_fit_is_refused(live: LiveSite, command: Command, program: Path, client: str) -> None:
    serve(live, PLAIN)
    refused = command("launch", client)
    assert refused.code == 4
    assert "4096 tokens" in refused.err
    named = command("launch", client, "--model", PLAIN)
    assert (named.code, "--force" in named.err) == (4, True)
    assert not program.exists()
    forced = command("launch", client, "--model", PLAIN, "--force")
    assert (forced.code, "4096 tokens" in forced.err) == (7, True)


def test_a_dry_run_starts_and_writes_nothing(live: LiveSite, command: Command, program: Path, home: Path) -> None:
    serve(live, AGENT)
    for client in CLIENTS:
        shown = command("launch", client, "--dry-run", "--json").json
        assert shown["command"][0] == AGENTS[client].program
        assert "127.0.0.1" in json.dumps(shown)
        if AGENTS[client].takes_files:
            (file,) = command("launch", client, "--dry-run", "--write", "--json").json["files"]
            assert f"gpu-{AGENT}" in file["diff"]
    assert not program.exists()
    assert list(home.iterdir()) == []


def test_written_and_undone(live: LiveSite, command: Command, home: Path) -> None:
    serve(live, AGENT)
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    before = b'# mine\r\nmodel = "gpt-5"\r\n'
    path.write_bytes(before)
    assert command("launch", "codex", "--write").code == 0
    assert f'model = "gpu-{AGENT}"' in path.read_text(encoding="utf-8")
    listed = {each["client"]: each["written"] for each in command("launch", "--json").json["clients"]}
    assert listed == {name: f"gpu-{AGENT}" if name == "codex" else None for name in CLIENTS}
    assert command("launch", "codex", "--undo", "--dry-run").code == 0
    assert path.read_bytes() != before
    assert command("launch", "codex", "--undo").code == 0
    assert path.read_bytes() == before
    again = command("launch", "codex", "--undo")
    assert (again.code, "Nothing is written" in again.err) == (3, True)
    only = command("launch", "copilot", "--write")
    assert (only.code, "environment only" in only.err) == (2, True)


def test_the_gateway_and_its_alias_for_code_are_preferred(live: LiveSite, command: Command) -> None:
    serve(live, PLAIN, AGENT)
    live.site.suite.gateway_store.change(
        lambda before: before.model_copy(update={"enabled": True, "aliases": {"code": GatewayAlias(model=AGENT)}})
    )
    wait_until(lambda: "code" in command("launch", "aider", "--dry-run").out)


def test_where_keys_are_needed_one_is_asked_for(live: LiveSite, command: Command, program: Path) -> None:
    serve(live, AGENT)
    secret = command("keys", "create", "me", "--json").json["secret"]
    with announced(live.site.data_dir, live.url, key=secret):
        assert command("launch", "claude").code == 2
        assert "YOUR-KEY" in command("launch", "claude", "--dry-run").out
        assert command("launch", "claude", "--key", "ovk-mine").code == 7
    assert json.loads(program.read_text("utf-8"))["environment"]["ANTHROPIC_AUTH_TOKEN"] == "ovk-mine"


def test_what_is_missing_is_said(live: LiveSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "assign" in command("launch", "codex").err
    serve(live, AGENT)
    monkeypatch.setenv("PATH", "")
    missing = command("launch", "codex")
    assert (missing.code, "npm install" in missing.err) == (3, True)


def test_nothing_is_started_where_no_suite_runs(command: Command, program: Path) -> None:
    ended = command("launch", "codex")
    assert (ended.code, "not running" in ended.err) == (5, True)
    assert not program.exists()
