import argparse
from pathlib import Path

import pytest

from keys import command
from keys.key_store import KEYS_FILE, KeyStore


def run(data_dir: Path, *arguments: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    written: list[str] = []
    return command.run(parser.parse_args(arguments), data_dir, write=written.append), "".join(written)


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    assert run(tmp_path, "list") == (0, "There are no keys.\n")
    status, text = run(tmp_path, "create", "owner")
    secret = text.splitlines()[0]
    assert status == 0
    key = KeyStore(tmp_path / KEYS_FILE).find(secret)
    assert key is not None
    assert key.scopes == ("inference", "admin")
    status, text = run(tmp_path, "create", "程式")
    assert "(inference)" in text
    _, listed = run(tmp_path, "list")
    assert "owner" in listed
    assert "程式" in listed
    assert secret not in listed
    assert run(tmp_path, "revoke", "程式")[0] == 0
    assert run(tmp_path, "revoke", "程式")[0] == 1


def test_a_refusal_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "create", "program", "--scope", "inference")[0] == 1
    assert "scope admin" in capsys.readouterr().err
