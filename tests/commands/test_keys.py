import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.entry import run_command
from keys.key_store import KEYS_FILE, KeyStore
from supervision.run_file import announced
from tests.admin.site import LiveSite, make_site


def run(data_dir: Path, *arguments: str) -> int | None:
    return run_command(["keys", *arguments, "--data-dir", str(data_dir)])


@pytest.fixture(params=["alone", "with the server"])
def data_dir(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A data directory, on which an admin server runs or not: the answers are the same."""
    if request.param == "alone":
        yield tmp_path
        return
    site = make_site(tmp_path, internal_key="of this run")
    with LiveSite(site) as live, announced(tmp_path, live.url, key="of this run"):
        yield tmp_path


def test_keys_are_made_listed_and_revoked(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_dir, "list") == 0
    assert "No keys" in capsys.readouterr().out
    assert run(data_dir, "create", "owner") == 0
    secret = capsys.readouterr().out.splitlines()[0]
    key = KeyStore(data_dir / KEYS_FILE).find(secret)
    assert key is not None
    assert key.scopes == ("inference", "admin")
    assert run(data_dir, "create", "程式") == 0
    assert "(inference)" in capsys.readouterr().out
    assert run(data_dir, "list") == 0
    listed = capsys.readouterr().out
    assert "owner" in listed
    assert "程式" in listed
    assert secret not in listed
    assert run(data_dir, "revoke", "程式") == 0
    assert run(data_dir, "revoke", "程式") == 3


def test_json_tells_the_same(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_dir, "create", "owner", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert KeyStore(data_dir / KEYS_FILE).find(made["secret"]) is not None
    assert run(data_dir, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["keys"] == [made["key"]]
    assert "digest" not in made["key"]


def test_refusals_are_sentences(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_dir, "create", "program", "--scope", "inference") == 4
    assert "admin scope" in capsys.readouterr().err
    assert run(data_dir, "create") == 1
    assert run(data_dir, "create", " ") == 2
    assert run(data_dir, "create", "owner") == 0
    assert run(data_dir, "create", "owner") == 4
    assert run(data_dir, "revoke", "nobody") == 3


def test_a_named_server_keeps_its_own_keys(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    with LiveSite(make_site(other)) as live:
        assert run(data_dir, "create", "far", "--url", live.url) == 0
    assert [key.name for key in KeyStore(other / KEYS_FILE).all()] == ["far"]
    assert KeyStore(data_dir / KEYS_FILE).all() == ()
