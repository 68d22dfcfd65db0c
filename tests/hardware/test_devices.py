import sys
import types

import pytest
from openvino.properties.device import Type

from hardware.devices import (
    DeviceInfo,
    DeviceUnavailable,
    available_devices,
    describe_device,
    read_device,
    resolve_device,
)


def listing(**full_names: str) -> list[DeviceInfo]:
    return [describe_device(name.replace("_", "."), full_name) for name, full_name in full_names.items()]


CPU_ONLY = listing(CPU="AMD EPYC 7763 64-Core Processor")
LAPTOP = listing(
    CPU="Intel(R) Core(TM) Ultra 7 258V", GPU="Intel(R) Arc(TM) 140V GPU (16GB) (iGPU)", NPU="Intel(R) AI Boost"
)
TWO_INTEL = listing(
    CPU="Intel(R) Core(TM) i9-13900K",
    GPU_0="Intel(R) UHD Graphics 770 (iGPU)",
    GPU_1="Intel(R) Arc(TM) A770 Graphics (dGPU)",
)
NVIDIA_FIRST = listing(
    CPU="Intel(R) Core(TM) i7-12700H",
    GPU_0="NVIDIA GeForce RTX 3060 Laptop GPU",
    GPU_1="Intel(R) Iris(R) Xe Graphics (iGPU)",
)
NVIDIA_ONLY = listing(CPU="AMD Ryzen 9 5950X 16-Core Processor", GPU="NVIDIA GeForce RTX 4090")
SILENT_GPU = listing(CPU="Intel(R) Xeon(R) Gold", GPU="")


@pytest.mark.parametrize(
    ("requested", "machine", "used"),
    [
        ("GPU", LAPTOP, "GPU"),
        ("gpu", LAPTOP, "GPU"),
        ("GPU.0", LAPTOP, "GPU"),
        ("NPU", LAPTOP, "NPU"),
        ("CPU", LAPTOP, "CPU"),
        ("GPU", TWO_INTEL, "GPU.0"),
        ("GPU.1", TWO_INTEL, "GPU.1"),
        ("GPU", NVIDIA_FIRST, "GPU.1"),
        ("GPU.0", NVIDIA_FIRST, "GPU.0"),
        ("GPU", SILENT_GPU, "GPU"),
        ("HETERO:GPU.0,GPU.1", TWO_INTEL, "HETERO:GPU.0,GPU.1"),
        ("AUTO", CPU_ONLY, "AUTO"),
        ("AUTO:GPU,CPU", CPU_ONLY, "AUTO:GPU,CPU"),
    ],
)
def test_a_device_that_is_there_is_used(requested: str, machine: list[DeviceInfo], used: str) -> None:
    resolved = resolve_device(requested, "CPU", machine)
    assert (resolved.requested, resolved.used, resolved.fallback_reason) == (requested, used, None)


@pytest.mark.parametrize(
    ("requested", "machine", "words"),
    [
        ("GPU", CPU_ONLY, "no device GPU"),
        ("NPU", TWO_INTEL, "no device NPU"),
        ("GPU.7", TWO_INTEL, "no device GPU.7"),
        ("GPU", NVIDIA_ONLY, "only NVIDIA GeForce RTX 4090"),
    ],
)
def test_a_missing_device_falls_back_and_says_so(requested: str, machine: list[DeviceInfo], words: str) -> None:
    resolved = resolve_device(requested, "CPU", machine)
    assert resolved.used == "CPU"
    assert resolved.full_name == machine[0].full_name
    assert resolved.fallback_reason is not None
    assert words in resolved.fallback_reason
    assert f"run on CPU ({machine[0].full_name}) instead" in resolved.fallback_reason


def test_without_a_fallback_the_error_lists_what_is_there() -> None:
    with pytest.raises(DeviceUnavailable, match=r"no device NPU.*CPU \(AMD EPYC"):
        resolve_device("NPU", None, CPU_ONLY)
    with pytest.raises(DeviceUnavailable, match="fallback GPU is not there either"):
        resolve_device("NPU", "GPU", CPU_ONLY)
    with pytest.raises(DeviceUnavailable, match="finds: none"):
        resolve_device("NPU", "CPU", [])


def test_this_machine_has_a_cpu() -> None:
    cpu = next(device for device in available_devices() if device.name == "CPU")
    assert cpu.full_name != "CPU"


def test_a_device_that_fails_to_answer_is_still_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenCore:
        available_devices = ("CPU", "GPU")

        def get_property(self, name: str, _property: str) -> str:
            if name == "GPU":
                raise RuntimeError("driver is gone")
            return "Intel(R) Core(TM) i5"

    openvino = types.ModuleType("openvino")
    openvino.Core = BrokenCore  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openvino", openvino)
    assert available_devices() == [DeviceInfo("CPU", "Intel(R) Core(TM) i5", "Intel"), DeviceInfo("GPU", "GPU", None)]


class RecordedCore:
    """Answers with what real cards and an integrated GPU answered."""

    def __init__(self, **properties: object) -> None:
        self._properties = properties

    def get_property(self, _name: str, key: str) -> object:
        if key not in self._properties:
            raise RuntimeError(f"Unsupported property {key}")
        return self._properties[key]


@pytest.mark.parametrize("device_type", [Type.DISCRETE, "Type.DISCRETE", "discrete"])
def test_a_discrete_gpu_has_its_own_memory(device_type: object) -> None:
    core = RecordedCore(
        FULL_DEVICE_NAME="Intel(R) Arc(TM) A770 Graphics (dGPU)",
        DEVICE_TYPE=device_type,
        GPU_DEVICE_TOTAL_MEM_SIZE=16_225_243_136,
    )
    card = read_device(core, "GPU")
    assert card.own_memory == 16_225_243_136
    assert resolve_device("GPU", None, [card]).own_memory == 16_225_243_136


def test_an_integrated_gpu_shares_the_machines_memory() -> None:
    core = RecordedCore(
        FULL_DEVICE_NAME="Intel(R) Arc(TM) 140V GPU (16GB) (iGPU)",
        DEVICE_TYPE=Type.INTEGRATED,
        GPU_DEVICE_TOTAL_MEM_SIZE=17_719_902_208,
    )
    assert read_device(core, "GPU").own_memory is None
