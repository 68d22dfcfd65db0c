"""One file at a time, in this process."""

from __future__ import annotations

import errno
import json
import logging
import os
from pathlib import Path

import pytest

from registry.errors import DownloadFailed, HubUnreachable, NotEnoughDisk
from registry.files import RemoteFile, needed_files
from registry.hub import RemoteModel, resolve
from registry.jobs import FileProgress, JobStore, PullJob, TransferRateMeter
from registry.settings import HubSettings
from registry.transfer import Transfer
from tests.hub import TestHub

ID = "OpenVINO/Tiny-int4-ov"
WEIGHTS = "openvino_model.bin"


@pytest.fixture
def remote(hub: TestHub, model: Path) -> RemoteModel:
    hub.add_model(ID, model)
    return resolve(HubSettings(hub.url), ID, None)


@pytest.fixture
def weights(remote: RemoteModel) -> RemoteFile:
    return next(file for file in remote.files if file.path == WEIGHTS)


@pytest.fixture
def transfer(hub: TestHub, remote: RemoteModel, tmp_path: Path) -> Transfer:
    return Transfer(HubSettings(hub.url), remote, tmp_path / "here", retry_wait=0.001)


def test_progress_counts_up_to_the_size(transfer: Transfer, weights: RemoteFile, model: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    transfer.fetch(weights, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == weights.size == transfer.bytes_present(weights)
    assert (tmp_path / "here" / WEIGHTS).read_bytes() == (model / WEIGHTS).read_bytes()


def test_a_server_that_ignores_ranges_sends_the_file_anew(
    transfer: Transfer, weights: RemoteFile, hub: TestHub, model: Path, tmp_path: Path
) -> None:
    hub.faults.ignore_ranges = True
    hub.faults.cut(WEIGHTS, [100_000])
    transfer.fetch(weights, lambda _: None)
    assert (tmp_path / "here" / WEIGHTS).read_bytes() == (model / WEIGHTS).read_bytes()


def test_a_part_longer_than_the_file_is_thrown_away(
    transfer: Transfer, weights: RemoteFile, model: Path, tmp_path: Path
) -> None:
    part = tmp_path / "here" / f"{WEIGHTS}.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * (weights.size + 1))
    assert transfer.bytes_present(weights) == 0
    transfer.fetch(weights, lambda _: None)
    assert (tmp_path / "here" / WEIGHTS).read_bytes() == (model / WEIGHTS).read_bytes()


def test_more_bytes_than_promised_are_refused(transfer: Transfer, weights: RemoteFile) -> None:
    with pytest.raises(DownloadFailed, match="more of"):
        transfer.fetch(RemoteFile(WEIGHTS, weights.size - 1), lambda _: None)


def test_fewer_bytes_than_promised_end_in_an_error(transfer: Transfer, weights: RemoteFile) -> None:
    with pytest.raises(HubUnreachable):
        transfer.fetch(RemoteFile(WEIGHTS, weights.size + 1), lambda _: None)


def test_a_connection_that_never_brings_a_byte_ends_in_an_error(
    transfer: Transfer, weights: RemoteFile, hub: TestHub
) -> None:
    hub.faults.answer(WEIGHTS, [503] * 20)
    with pytest.raises(HubUnreachable, match="503"):
        transfer.fetch(weights, lambda _: None)


def test_a_disk_that_fills_meanwhile_is_said_and_the_bytes_stay(
    transfer: Transfer, weights: RemoteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("registry.transfer.os.fsync", full)
        with pytest.raises(NotEnoughDisk, match="make room"):
            transfer.fetch(weights, lambda _: None)
    assert transfer.bytes_present(weights) == weights.size
    transfer.fetch(weights, lambda _: None)
    assert (tmp_path / "here" / WEIGHTS).stat().st_size == weights.size


def test_what_a_repository_of_an_image_model_needs() -> None:
    names = [
        "model_index.json", "README.md", "unet/openvino_model.xml", "unet/openvino_model.bin", "unet/config.json",
        "unet/diffusion.safetensors", "vae/deep/openvino_model.xml", "tokenizer/merges.txt", "pytorch_model.bin",
    ]  # fmt: skip
    files = [RemoteFile(name, number) for number, name in enumerate(names)]
    assert {file.path for file in needed_files(files, "a/b")} == {
        "model_index.json", "README.md", "unet/openvino_model.xml", "unet/openvino_model.bin", "unet/config.json",
        "tokenizer/merges.txt",
    }  # fmt: skip


def test_the_speed_is_that_of_the_last_seconds() -> None:
    moment = 0.0
    meter = TransferRateMeter(lambda: moment)
    speeds = []
    for moment in range(20):
        speeds.append(meter.add(100 * moment if moment < 10 else 900 + 10 * (moment - 9)))
    assert (speeds[0], speeds[9], speeds[-1]) == (None, 100, 10)


def test_the_rest_of_the_time_follows_from_the_speed() -> None:
    job = PullJob("1", ID, None, "downloading", 0.0, files=(FileProgress("a", 100, 50),), bytes_per_second=10.0)
    assert (job.eta_seconds, job.as_dict()["eta_seconds"], job.as_dict()["bytes_total"]) == (5.0, 5.0, 100)


def test_the_list_of_jobs_survives_what_may_come(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = JobStore(tmp_path / "sub" / "jobs.json")
    assert store.load() == []
    job = PullJob("1", ID, None, "downloading", 1.0, commit="c", bytes_per_second=3.0)
    store.save([job])
    assert store.load() == [PullJob("1", ID, None, "queued", 1.0, commit="c")]
    for content in ("{", "[7]", json.dumps([{"id": "1"}]), "null"):
        (tmp_path / "sub" / "jobs.json").write_text(content, encoding="utf-8")
        assert store.load() == []
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        JobStore(tmp_path / "file" / "jobs.json").save([job])
    assert "cannot be written" in caplog.text
