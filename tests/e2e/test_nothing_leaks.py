"""After a rough day: no secret and no text where it does not belong, no file touched outside, none for others to read.

The suite runs as it would for a user, with `--log-level debug`, in an environment full of secrets.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from keys.access import INTERNAL_KEY_VARIABLE
from keys.key_store import KEYS_FILE, KeyStore
from supervision.environment import network_environment
from supervision.run_file import read_run_file
from tests.e2e.evidence import Evidence, is_ours, watching
from tests.e2e.story import GATED, HOSTILE, HOSTILE_FILES, MODEL, NEEDLE, PROMPT, Day, Secrets
from tests.helpers import wait_until
from tests.hub import TestHub
from tests.support.launch import DEMO_ID, PATIENCE_SECONDS
from tests.support.launch_suite import SuiteProcess, suite_process

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="rights and open descriptors are looked at as on POSIX"),
]

CHAT = "/v1/chat/completions"
AUDIT = Path(__file__).with_name("audit")
TEST_MODEL = Path(__file__).resolve().parents[1] / "models" / "test_chat"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("day") / "資料 夾"
    directory.mkdir()
    return directory


@pytest.fixture(scope="module")
def known(data_dir: Path) -> Secrets:
    """Secrets that can be mistaken for nothing else."""

    def drawn(prefix: str) -> str:
        return prefix + secrets.token_hex(16)

    environment = {
        "HF_TOKEN": drawn("hf_"),
        "MODELSCOPE_API_TOKEN": drawn("ms-"),
        "OPENAI_API_KEY": drawn("sk-"),
        "AWS_SECRET_ACCESS_KEY": drawn("aws"),
        "DATABASE_URL": drawn("postgres://me:"),
    }
    store = KeyStore(data_dir / KEYS_FILE)
    admin = store.create("admin", ["admin"])[1]
    inference = store.create("program", ["inference"])[1]
    revoked = store.create("gone", ["admin"])[1]
    store.revoke("gone")
    return Secrets(admin, inference, revoked, drawn("hf_"), drawn("hf_"), drawn("proxy"), environment)


@contextmanager
def careless_umask() -> Iterator[None]:
    """What this process creates, everybody may read: the suite sees to its own files."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def evidence(known: Secrets, data_dir: Path) -> Iterator[Evidence]:
    evidence = Evidence(data_dir, data_dir.parent / "audit.jsonl")
    environment = {
        **known.environment,
        "HTTPS_PROXY": f"http://me:{known.proxy_password}@127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(AUDIT),
        "PYTHONAUDITFILE": str(evidence.audit_file),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(evidence.temporary),
    }
    evidence.temporary.mkdir()
    options = ("--log-level", "debug")
    with careless_umask(), TestHub() as hub:
        _publish(hub, known)
        with suite_process(data_dir, *options, environment=environment, key=known.admin) as suite:
            _live_through(evidence, suite, hub, known)
        evidence.asked_of_hub += [f"{seen.path}?{seen.query}" for seen in hub.requests]
        yield evidence


def _publish(hub: TestHub, known: Secrets) -> None:
    hub.tokens = {known.hub_token}
    hub.add_model(MODEL, TEST_MODEL)
    hub.add_model(GATED, TEST_MODEL, gated=True)
    hub.add_model("org/private", TEST_MODEL, private=True)
    hub.add_model(HOSTILE, TEST_MODEL, extra=dict.fromkeys(HOSTILE_FILES, b"x"))


def _live_through(evidence: Evidence, suite: SuiteProcess, hub: TestHub, known: Secrets) -> None:
    running = read_run_file(evidence.data_dir)
    assert running is not None
    assert running.key is not None
    with (
        watching(evidence, suite.process.pid),
        httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as stranger,
    ):
        suite.assign("gpu", [DEMO_ID])
        wait_until(lambda: suite.device("gpu")["state"] == "running")
        for client in (suite.client, stranger):
            client.event_hooks = {"response": [evidence.note]}
        day = Day(suite, evidence.data_dir, hub, known, stranger)
        day.ask()
        day.be_refused()
        day.pull()
        cookie = day.log_in()
        day.go_astray()
        day.break_down()
        day.look()
    evidence.streamed = day.streamed
    evidence.made = {"internal key": running.key, "session": cookie}


@pytest.fixture
def forbidden(known: Secrets, evidence: Evidence) -> dict[str, str]:
    """Each secret by what it is."""
    return known.all() | evidence.made


def found_in(text: str | bytes, words: Mapping[str, str]) -> list[str]:
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return [name for name, word in words.items() if word.encode("utf-8") in content]


def test_files_hold_secrets_only_where_they_are_kept(evidence: Evidence, forbidden: dict[str, str]) -> None:
    kept = {"hub_settings.json": ["hub_token"]}
    logs = [path for path in evidence.files() if path.suffix == ".log"]
    assert {"admin.log", "gpu.log", "main.log"} <= {path.name for path in logs}
    for path in evidence.files():
        assert found_in(path.read_bytes(), forbidden) == kept.get(path.name, []), path


def test_no_answer_tells_a_secret(evidence: Evidence, forbidden: dict[str, str]) -> None:
    assert len(evidence.answers) > 300
    for address, text in evidence.answers:
        mine = {"session"} if address.endswith("/login") else set()
        assert set(found_in(text, forbidden)) <= mine, address
    assert "event: " in evidence.streamed
    assert found_in(evidence.streamed, forbidden) == []


def test_no_argument_list_and_no_address_has_a_secret(evidence: Evidence, forbidden: dict[str, str]) -> None:
    modules = {process.module for process in evidence.processes}
    assert {"main.py", "server_app", "instances.worker", "registry.downloader"} <= modules
    for process in evidence.processes:
        assert found_in(process.command, forbidden) == [], process.command
    assert len(evidence.asked_of_hub) > 10
    for address in evidence.asked_of_hub:
        assert found_in(address, forbidden) == [], address


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("server_app", ["internal key"]),
        ("instances.worker", []),
        ("instances.grammar_worker", []),
        ("registry.downloader", ["proxy_password"]),
    ],
)
def test_a_child_gets_no_secret_but_its_own(
    evidence: Evidence, forbidden: dict[str, str], module: str, allowed: list[str]
) -> None:
    for environment in evidence.environments(module):
        found = [name for value in environment.values() for name in found_in(value, forbidden)]
        assert found == allowed
        assert (INTERNAL_KEY_VARIABLE in environment) == (module == "server_app")
        strange = set(environment) - set(network_environment(environment)) - {INTERNAL_KEY_VARIABLE}
        assert strange <= {"HF_ENDPOINT"}, strange


def test_texts_are_in_no_file_and_no_figure(evidence: Evidence) -> None:
    answers = [re.search(r'"content": ?"([^"\\]{12,})', text) for address, text in evidence.answers if CHAT in address]
    words = {"prompt": PROMPT, **{f"answer {number}": found[1] for number, found in enumerate(answers) if found}}
    assert len(words) > 1
    for path in evidence.files():
        assert found_in(path.read_bytes(), words) == [], path
    for address, text in evidence.answers:
        if "GET" in address and "/connect" not in address:
            assert found_in(text, words) == [], address
    assert found_in(evidence.streamed, words) == []


def test_every_file_is_its_owners_alone(evidence: Evidence) -> None:
    by_the_test = {"main.log", "device_config.lock", "keys.lock"}
    for path in evidence.data_dir.rglob("*"):
        # OpenVINO sets the rights of what it has compiled itself, in a folder that nobody else can enter.
        compiled = path.suffix == ".blob" and "cache_gpu" in path.parts
        if path.name not in by_the_test and not compiled:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_no_name_leads_out_of_the_data_directory(evidence: Evidence) -> None:
    for kind, event, path in evidence.touched():
        if NEEDLE in str(path):
            assert path.is_relative_to(evidence.data_dir), (kind, event, path)
    assert not list(evidence.data_dir.parent.rglob(f"*{NEEDLE}*"))


def test_nothing_is_written_outside_the_data_directory(evidence: Evidence) -> None:
    """But for temporary files, of which none is left."""
    allowed = (evidence.data_dir, evidence.temporary, Path("/dev"), Path("/proc"))
    strange = {
        (event, path)
        for kind, event, path in evidence.touched()
        if kind == "write" and not any(path.is_relative_to(place) for place in allowed)
    }
    assert strange == set()
    assert list(evidence.temporary.iterdir()) == []


def test_nothing_is_read_outside_but_the_program_and_the_system(evidence: Evidence) -> None:
    system = [Path(place) for place in ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/lib64", "/bin", "/var/lib")]
    allowed = (evidence.data_dir, evidence.temporary, AUDIT, Path(sys.prefix), Path(sys.base_prefix), *system)
    strange = {
        (event, path)
        for kind, event, path in evidence.touched()
        if kind == "read" and not is_ours(path) and not any(path.is_relative_to(place) for place in allowed)
    }
    assert strange == set()
