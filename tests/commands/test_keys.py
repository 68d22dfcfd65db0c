import json
from pathlib import Path

import pytest

from commands.entry import run_command
from keys.key_store import KEYS_FILE, KeyStore


def run(data_dir: Path, *arguments: str) -> int | None:
    return run_command(["keys", *arguments, "--data-dir", str(data_dir)])


def test_keys_are_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "list") == 0
    assert "No keys" in capsys.readouterr().out
    assert run(tmp_path, "create", "owner") == 0
    secret = capsys.readouterr().out.splitlines()[0]
    key = KeyStore(tmp_path / KEYS_FILE).find(secret)
    assert key is not None
    assert key.scopes == ("inference", "admin")
    assert run(tmp_path, "create", "程式") == 0
    assert "(inference)" in capsys.readouterr().out
    assert run(tmp_path, "list") == 0
    listed = capsys.readouterr().out
    assert "owner" in listed
    assert "程式" in listed
    assert secret not in listed
    assert run(tmp_path, "revoke", "程式") == 0
    assert run(tmp_path, "revoke", "程式") == 3


def test_json_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "create", "owner", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert KeyStore(tmp_path / KEYS_FILE).find(made["secret"]) is not None
    assert run(tmp_path, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["keys"] == [made["key"]]
    assert "digest" not in made["key"]


def test_refusals_are_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "create", "program", "--scope", "inference") == 4
    assert "scope admin" in capsys.readouterr().err
    assert run(tmp_path, "create") == 1
