"""Everything that is not the hardware: packages, memory, disk, ports, network, configuration."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from doctor.configuration import examine_assignments, read_configuration
from doctor.network import examine_hub, examine_proxy
from doctor.ports import examine_ports
from doctor.resources import (
    examine_caches,
    examine_disk,
    examine_folders,
    examine_memory,
    examine_power,
    examine_private_files,
    read_power,
)
from doctor.software import NEWEST, OLDEST, examine_packages, examine_python
from memory.readings import MemoryReading
from tests.doctor.conftest import Said, by_subject
from tests.support.ports import free_port

GB = 10**9
HUB = "http://hub.test"


def versions(**installed: str) -> Mapping[str, str]:
    together = {"openvino": "2026.4.1", "openvino-genai": "2026.4.1.0", "openvino-tokenizers": "2026.4.1.0"}
    return together | {name.replace("_", "-"): version for name, version in installed.items()}


def packages(folder: Path, requirements: str, installed: Mapping[str, str]) -> dict:
    path = folder / "requirements.txt"
    path.write_text(requirements, encoding="utf-8")

    def version_of(name: str) -> str:
        try:
            return installed[name]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    return by_subject(examine_packages(path, version_of))


def test_packages(tmp_path: Path, said: Said) -> None:
    asked = "# a comment\nfastapi>=0.115,<1\nuvloop>=0.21; sys_platform == 'none'\n\npsutil>=6,<8\n"
    assert list(packages(tmp_path, asked, versions(fastapi="0.120", psutil="7.0"))) == [("packages_ok", None)]
    found = packages(tmp_path, asked, versions(fastapi="2.0"))
    assert found["package_version", "fastapi"].level == "warning"
    assert "2.0" in said(found["package_version", "fastapi"])
    assert found["package_missing", "psutil"].level == "problem"
    assert sys.executable in (found["package_missing", "psutil"].command or "")


def test_caches_that_were_put_aside_are_told_of(tmp_path: Path, said: Said) -> None:
    for folder in ("cache_gpu/org_name-1.5", "cache_gpu/org_name-1.5.damaged", "cache_npu/other.damaged"):
        (tmp_path / folder).mkdir(parents=True)
    found = by_subject(examine_caches(tmp_path))
    assert list(found) == [("damaged_cache", "cache_gpu/org_name-1.5"), ("damaged_cache", "cache_npu/other")]
    assert str(tmp_path / "cache_gpu" / "org_name-1.5.damaged") in said(
        found["damaged_cache", "cache_gpu/org_name-1.5"]
    )


def test_parts_of_openvino_must_be_of_one_release(tmp_path: Path, said: Said) -> None:
    found = packages(tmp_path, "", versions(openvino="2026.3.0"))
    assert found["openvino_mixed", None].level == "problem"
    assert "openvino 2026.3.0" in said(found["openvino_mixed", None])


def test_this_environment_is_in_order() -> None:
    assert [finding.id for finding in examine_packages()] == ["packages_ok"]
    assert examine_python().level == "ok"


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (2, 7)])
def test_a_python_that_does_not_suit(version: tuple[int, int], said: Said) -> None:
    finding = examine_python(version, "{}.{}".format(*version))
    assert finding.level == "problem"
    assert "{}.{}".format(*OLDEST) in said(finding)
    assert "{}.{}".format(*NEWEST) in said(finding)


@pytest.mark.parametrize(
    ("total", "available", "id"),
    [(32 * GB, 20 * GB, "memory_ok"), (16 * GB, 2 * GB, "memory_low"), (4 * GB, 2 * GB, "memory_small")],
)
def test_memory(total: int, available: int, id: str, said: Said) -> None:
    finding = examine_memory(MemoryReading(total, available))
    assert finding.id == id
    assert f"{total / 1e9:.1f} GB" in said(finding)


@pytest.mark.parametrize(("free", "id"), [(100 * GB, "disk_ok"), (10 * GB, "disk_low"), (GB, "disk_full")])
def test_disk(free: int, id: str, said: Said) -> None:
    finding = examine_disk(free, Path("data"))
    assert finding.id == id
    assert "GB" in said(finding)


def test_folders(tmp_path: Path, said: Said) -> None:
    folders = [tmp_path / "資料 夾", tmp_path / "資料 夾" / "models"]
    assert [finding.id for finding in examine_folders(folders, platform="linux")] == ["folder_ok"]
    assert [finding.id for finding in examine_folders(folders, platform="win32")] == ["folder_ok", "folder_letters"]
    assert not list(folders[1].iterdir())
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    (finding,) = examine_folders([in_the_way / "models"], platform="linux")
    assert (finding.id, finding.level) == ("folder_not_writable", "problem")
    assert "--data-dir" in said(finding)


@pytest.mark.parametrize(("long_paths", "deep"), [(False, True), (True, True), (False, False)])
def test_a_deep_folder(tmp_path: Path, said: Said, long_paths: bool, deep: bool) -> None:
    folder = tmp_path / ("x" * 130) if deep else Path(os.curdir)
    found = {finding.id: finding for finding in examine_folders([folder], platform="linux", long_paths=long_paths)}
    assert ("folder_deep" in found) == (deep and not long_paths)
    if "folder_deep" in found:
        assert "LongPathsEnabled" in str(found["folder_deep"].command)
        assert "--data-dir" in said(found["folder_deep"])


@pytest.mark.skipif(sys.platform == "win32", reason="rights there are lists; tests/storage/test_owner_only.py")
def test_files_that_others_can_read(tmp_path: Path, said: Said) -> None:
    names = ["keys.json", "mine.json", "missing.json"]
    for name, mode in zip(names[:2], (0o644, 0o600), strict=True):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (finding,) = examine_private_files([tmp_path / name for name in names])
    assert (finding.id, finding.level, finding.subject) == ("file_readable", "warning", "keys.json")
    assert "keys.json" in said(finding)


def test_power(said: Said) -> None:
    assert examine_power(False, "balanced") == []
    assert [finding.id for finding in examine_power(True, "low-power")] == ["on_battery", "power_saving"]
    assert all(said(finding) for finding in examine_power(True, "quiet"))
    on_battery, profile = read_power()
    assert isinstance(on_battery, bool)
    assert isinstance(profile, str)


def test_ports_that_are_free_or_ours() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = listener.getsockname()[1]
        ports = {"admin": ours, "gpu": free_port()}
        assert [finding.id for finding in examine_ports(ports, [ours])] == ["ports_ok"]
        assert [finding.id for finding in examine_ports(ports, [])] == ["ports_ok"]  # this process's own
    assert examine_ports({}, []) == []


def test_a_port_of_another_program(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setattr(os, "getpid", lambda: -1)
        (finding,) = examine_ports({"gpu": port}, [])
    assert (finding.id, finding.level, finding.subject) == ("port_taken", "problem", str(port))
    assert "python" in said(finding).lower()
    assert str(port) in (finding.command or "")


def test_a_proxy_is_told_without_its_password(said: Said) -> None:
    assert examine_proxy({}) == []
    (finding,) = examine_proxy({"https": "http://lan:secret@proxy.test:3128", "http": "proxy.test:8080"})
    assert "http://proxy.test:3128" in said(finding)
    assert "http://proxy.test:8080" in said(finding)
    assert "secret" not in said(finding)


def hub(status: int, content_type: str = "application/json") -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": content_type}, text="[]")

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "content_type", "kind", "id"),
    [
        (200, "application/json; charset=utf-8", "huggingface", "hub_ok"),
        (200, "text/html", "huggingface", "hub_refuses"),
        (200, "text/html", "modelscope", "hub_ok"),
        (503, "text/plain", "huggingface", "hub_refuses"),
    ],
)
async def test_the_hub(status: int, content_type: str, kind: str, id: str, said: Said) -> None:
    finding = await examine_hub(HUB, kind, client=hub(status, content_type), environment={})
    assert finding.id == id
    assert HUB in said(finding)


async def test_a_hub_that_is_not_there(said: Said) -> None:
    finding = await examine_hub(f"http://127.0.0.1:{free_port()}", "huggingface", environment={})
    assert (finding.id, finding.level) == ("hub_unreachable", "warning")
    assert "HTTPS_PROXY" in said(finding)


async def test_offline_mode_asks_nobody() -> None:
    finding = await examine_hub(HUB, "huggingface", environment={"HF_HUB_OFFLINE": "1"})
    assert finding.id == "hub_offline"


def store_with(folder: Path, text: str) -> ConfigStore:
    store = ConfigStore(folder / "device_config.json")
    store.path.write_text(text, encoding="utf-8")
    return store


def test_configuration(tmp_path: Path, said: Said) -> None:
    configuration, findings = read_configuration(ConfigStore(tmp_path / "device_config.json"))
    assert configuration is None
    assert [finding.id for finding in findings] == ["config_absent"]
    configuration, findings = read_configuration(store_with(tmp_path, '{"gpu": {"port": 11435, "device": "GPU"}}'))
    assert configuration is not None
    assert [finding.id for finding in findings] == ["config_ok"]
    configuration, (finding,) = read_configuration(store_with(tmp_path, '{"gpu": {"port": "x"}}'))
    assert (finding.id, finding.level) == ("config_broken", "problem")
    assert "gpu.port" in said(finding)


def test_an_assigned_model_that_is_gone(tmp_path: Path, said: Said) -> None:
    (tmp_path / "models").mkdir()
    models = [ModelAssignment(id="a/here", path="models"), ModelAssignment(id="a/gone", path="models/a_gone")]
    devices = {"gpu": DeviceSettings(port=11435, device="GPU", models=models)}
    (finding,) = examine_assignments(Configuration(devices=devices), tmp_path)
    assert (finding.id, finding.level) == ("model_missing", "warning")
    assert "a/gone" in said(finding)
