"""What a node offers to Ray and what a replica asks for fit each other; the files of deploy/ray fit the program."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.ray.node import DATA_DIR_VARIABLE, environment_of, ray_command
from deploy.ray.settings import FRONT_RESOURCE, Cluster, ClusterDevice, offered_resources, resources_of
from hardware.devices import DeviceInfo, describe_device
from tests.docs.pages import PROJECT

RAY = PROJECT / "deploy" / "ray"
CPU = describe_device("CPU", "Intel(R) Core(TM) Ultra 7 155H")
NPU = describe_device("NPU", "Intel(R) AI Boost")
ARC = describe_device("GPU", "Intel(R) Arc(TM) Graphics (iGPU)")


def test_a_node_offers_each_of_its_intel_devices() -> None:
    assert offered_resources([CPU, ARC, NPU]) == {
        FRONT_RESOURCE: 1,
        "openvino_cpu": 1,
        "intel_gpu": 1,
        "intel_npu": 1,
    }


def test_cards_of_other_makers_are_not_offered() -> None:
    both = [DeviceInfo("GPU.0", "NVIDIA GeForce RTX 4060", "NVIDIA"), DeviceInfo("GPU.1", "Intel(R) Arc(TM)", "Intel")]
    assert offered_resources(both) == {FRONT_RESOURCE: 1, "intel_gpu.1": 1}


@pytest.mark.parametrize(
    ("device", "resources"),
    [
        ("GPU", ["intel_gpu"]),
        ("gpu", ["intel_gpu"]),
        ("GPU.0", ["intel_gpu"]),
        ("GPU.1", ["intel_gpu.1"]),
        ("NPU", ["intel_npu"]),
        ("CPU", ["openvino_cpu"]),
        ("HETERO:GPU.0,GPU.1", ["intel_gpu", "intel_gpu.1"]),
    ],
)
def test_a_device_asks_for_what_its_name_means(device: str, resources: list[str]) -> None:
    assert resources_of(device) == resources


def test_a_replica_fits_where_its_device_is() -> None:
    options = ClusterDevice(device="NPU").deployment_options()
    assert options["ray_actor_options"]["resources"].items() <= offered_resources([CPU, NPU]).items()


def test_replicas_grow_with_the_requests_that_go_on() -> None:
    device = ClusterDevice.model_validate(
        {
            "device": "GPU",
            "max_queue": 7,
            "models": [{"id": "a/b", "path": "models/a_b", "max_concurrent": 24}, {"id": "c/d", "path": "models/c_d"}],
            "replicas": {"min": 1, "max": 3, "device_share": 0.5},
        }
    )
    options = device.deployment_options()
    assert options["autoscaling_config"] == {"min_replicas": 1, "max_replicas": 3, "target_ongoing_requests": 24}
    assert (options["max_ongoing_requests"], options["max_queued_requests"]) == (48, 7)
    assert options["ray_actor_options"]["resources"] == {"intel_gpu": 0.5}


def test_the_configuration_that_comes_along_is_valid() -> None:
    document = yaml.safe_load((RAY / "cluster.yaml").read_text(encoding="utf-8"))
    [application] = document["applications"]
    cluster = Cluster.model_validate(application["args"])
    assert cluster.host == document["http_options"]["host"]
    module, _, name = application["import_path"].partition(":")
    source = (PROJECT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8")
    assert f"\ndef {name}(cluster: Cluster) -> Application:\n" in source


def test_the_deployment_file_stays_short() -> None:
    assert len((RAY / "app.py").read_text(encoding="utf-8").splitlines()) < 200


def test_a_node_is_told_its_resources_and_reports_to_nobody(tmp_path: Path) -> None:
    command = ray_command({"intel_gpu": 1.0}, ["--head", "--port", "6379"], Path("bin") / "ray")
    assert command[1:3] == ["start", "--block"]
    assert command[-5:] == ["--resources", '{"intel_gpu": 1.0}', "--head", "--port", "6379"]
    environment = environment_of(tmp_path / "data", {"PATH": "p", "PYTHONPATH": "mine"})
    assert environment["RAY_USAGE_STATS_ENABLED"] == "0"
    assert environment["PYTHONPATH"].endswith("mine")
    assert str(PROJECT) in environment["PYTHONPATH"]
    assert Path(environment[DATA_DIR_VARIABLE]).is_dir()


def test_ray_is_an_extra_that_the_notices_name() -> None:
    [base, ray] = (RAY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert (RAY / base.removeprefix("-r ")).resolve() == PROJECT / "requirements.txt"
    name, _, versions = ray.partition("]")
    notices = (PROJECT / "THIRD_PARTY_NOTICES.txt").read_text(encoding="utf-8")
    assert f"\nray {versions}\n  Licence:   Apache-2.0\n" in notices
    assert name == "ray[serve"
    assert not re.search(r"^ray\b", (PROJECT / "requirements.txt").read_text(encoding="utf-8"), re.M)
