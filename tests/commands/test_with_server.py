"""Commands that ask the running admin server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_registry import HubSettings
from supervision.run_file import announced
from tests.admin.site import LiveSite, make_site
from tests.commands.conftest import MODEL, Command
from tests.helpers import wait_until
from tests.hub import TestHub
from tests.support.ports import free_port


@pytest.fixture
def live(data_dir: Path, hub: TestHub) -> Iterator[LiveSite]:
    site = make_site(data_dir, hub=HubSettings(hub.url))
    with LiveSite(site) as live, announced(data_dir, live.url):
        yield live


def test_the_same_commands(live: LiveSite, command: Command) -> None:
    assert MODEL in command("search", "tiny").out
    pulled = command("pull", MODEL)
    assert (pulled.code, pulled.err) == (0, "")
    assert live.site.registry.jobs()[0].state == "ready"
    assert MODEL in command("list").out
    assert command("verify", MODEL).code == 0
    assigned = command("assign", MODEL, "gpu", "--max-concurrent", "3")
    assert (assigned.code, assigned.err) == (0, "")
    assert "next start" not in assigned.out
    (offered,) = live.site.store.load().devices["gpu"].models
    assert (offered.id, offered.max_concurrent) == (MODEL, 3)
    wait_until(lambda: live.site.suite.status("gpu").state == "running")
    status = command("status")
    assert live.url in status.out
    assert f"gpu-{MODEL}" in status.out
    assert command("rm", MODEL).code == 4
    assert command("unassign", MODEL, "gpu").code == 0
    assert command("unassign", MODEL, "gpu").code == 3
    assert command("rm", MODEL).code == 0
    assert MODEL not in command("list").out


def test_by_force_a_model_goes_from_its_devices_first(live: LiveSite, command: Command, data_dir: Path) -> None:
    command("pull", MODEL)
    for device in ("gpu", "npu"):
        command("assign", MODEL, device)
    assert command("rm", MODEL, "--force").code == 0
    assert not any(settings.models for settings in live.site.store.load().devices.values())
    assert {status.state for status in live.site.suite.statuses()} == {"no_models"}
    assert not (data_dir / "models" / "OpenVINO_Tiny-int4-ov").exists()


def test_what_cannot_be_deleted_stays_on_its_devices(live: LiveSite, command: Command, hub: TestHub) -> None:
    command("pull", MODEL)
    command("assign", MODEL, "gpu")
    reached, release = hub.faults.hold("openvino_model.xml", at=64)
    (live.site.data_dir / "models" / "OpenVINO_Tiny-int4-ov" / "openvino_model.xml").write_text("<x/>", "utf-8")
    assert command("pull", MODEL, "--detach").code == 0
    assert reached.wait(30)
    assert command("rm", MODEL, "--force").code == 4
    assert [model.id for model in live.site.store.load().devices["gpu"].models] == [MODEL]
    release.set()
    assert command("pull", MODEL).code == 0


def test_the_server_goes_on_alone(live: LiveSite, command: Command, hub: TestHub) -> None:
    reached, release = hub.faults.hold("openvino_model.bin", at=1024)
    detached = command("pull", MODEL, "--detach", "--json")
    assert detached.code == 0
    assert reached.wait(30)
    release.set()
    job = live.site.registry.job
    wait_until(lambda: job(detached.json["id"]).state == "ready")


def test_what_is_loaded(live: LiveSite, command: Command) -> None:
    assert command("ps").code == 0
    command("pull", MODEL)
    live.site.order("gpu", states={MODEL: {"state": "ready", "instances": 2, "active": 1, "queued": 4}})
    command("assign", MODEL, "gpu")

    def loaded() -> list[dict]:
        return command("ps", "--json").json["models"]

    wait_until(loaded)
    (row,) = loaded()
    assert (row["device"], row["model"], row["instances"]) == ("gpu", MODEL, 2)
    assert MODEL in command("ps").out


def test_errors_keep_their_codes(live: LiveSite, command: Command, hub: TestHub, model: Path) -> None:
    hub.add_model("org/gated", model, gated=True)
    assert command("pull", "no/such").code == 3
    assert command("pull", "org/gated").code == 6
    assert command("pull", "not a name").code == 2
    assert command("assign", "no/such", "gpu").code == 3
    assert command("assign", MODEL, "tpu").code == 3
    assert command("import", str(model.parent / "nowhere")).code != 0


def test_the_doctor_of_the_server(live: LiveSite, command: Command) -> None:
    report = command("doctor", "--lang", "zh-TW", "--json").json
    assert report["running"] is False
    ports = next(finding for finding in report["findings"] if finding["id"] == "ports_ok")
    assert "gpu" in ports["detail"]


def test_a_server_can_be_named(live: LiveSite, command: Command, hub: TestHub, tmp_path: Path) -> None:
    assert command("status", "--url", live.url + "/").out.startswith("Running")
    assert command("status", "--url", hub.url).code == 5
    gone = command("status", "--url", f"http://127.0.0.1:{free_port()}")
    assert gone.code == 5
    assert "does not answer" in gone.err


def test_a_server_that_announced_itself_and_is_gone_is_not_waited_for(command: Command, data_dir: Path) -> None:
    with announced(data_dir, f"http://127.0.0.1:{free_port()}"):
        assert command("status", "--json").json["running"] is False
