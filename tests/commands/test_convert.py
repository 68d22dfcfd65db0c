"""`convert`, with and without a running admin server, through the stand-in exporter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conversion.conversions import Conversions
from model_registry import HubSettings
from supervision.run_file import announced
from tests.admin.site import LiveSite, make_site
from tests.commands.conftest import Command
from tests.conversion.conftest import ID, MODEL
from tests.conversion.sources import make_source
from tests.conversion.stand_in import QUICK, StandInConverter
from tests.helpers import wait_until
from tests.hub import TestHub

RESULT = f"{ID}-int4-ov"


@pytest.fixture
def source(tmp_path: Path, hub: TestHub) -> Path:
    folder = make_source(tmp_path / "source")
    hub.add_model(ID, folder)
    return folder


@pytest.fixture
def converter(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> StandInConverter:
    converter = StandInConverter(data_dir, MODEL)
    monkeypatch.setattr("administration.service.Converter", lambda _: converter)
    return converter


@pytest.fixture
def live(data_dir: Path, hub: TestHub, converter: StandInConverter) -> Iterator[LiveSite]:
    site = make_site(
        data_dir,
        hub=HubSettings(hub.url),
        conversions=lambda registry: Conversions(registry, converter, verification=QUICK, retry_wait=0.01),
    )
    with LiveSite(site) as live, announced(data_dir, live.url):
        yield live


def test_alone(command: Command, source: Path, converter: StandInConverter) -> None:
    ended = command("convert", ID)
    assert ended.code == 0, ended.err
    assert f"assign {RESULT} gpu" in ended.out
    assert "Verified: " in ended.out
    for told in ("First use", "Licence: apache-2.0", "Verifying"):
        assert told in ended.err
    shown = command("show", RESULT)
    assert f"from {ID}" in shown.out
    assert "--weight-format int4" in shown.out
    assert command("verify", RESULT).code == 0
    assert "freed" in command("convert", "--remove-converter").out
    assert not converter.folder.exists()


def test_a_folder_for_another_device(command: Command, source: Path, converter: StandInConverter) -> None:
    job = command("convert", str(source), "--device", "cpu", "--weights", "int8", "--id", "My/Own", "--json").json
    assert (job["state"], job["model_id"]) == ("ready", "My/Own")
    assert "--weight-format int8" in job["recipe"]


def test_with_a_server(live: LiveSite, command: Command, source: Path, converter: StandInConverter) -> None:
    converter.order(hold=True)
    detached = command("convert", ID, "--detach", "--json")
    assert detached.code == 0
    wait_until((converter.folder.parent / "held").exists)
    assert command("convert", "--remove-converter").code == 4
    converter.release()
    assert command("convert", ID).code == 0
    assert RESULT in command("list").out


def test_errors_have_their_codes(
    command: Command, source: Path, converter: StandInConverter, hub: TestHub, tmp_path: Path
) -> None:
    hub.add_model("Tiny/Gated", make_source(tmp_path / "gated"), gated=True)
    assert command("convert", "no/such").code == 3
    assert command("convert", "Tiny/Gated").code == 6
    assert command("convert", "not a name").code == 2
    assert command("convert").code == 2
    assert command("convert", ID, "--detach").code == 2
    converter.order(fail="broken")
    failed = command("convert", ID)
    assert failed.code == 1
    assert "broken" in failed.err


def test_a_pull_offers_it(command: Command, source: Path, hub: TestHub) -> None:
    refused = command("pull", ID)
    assert refused.code == 1
    assert f"main.py convert {ID}" in refused.err
