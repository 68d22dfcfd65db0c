"""Properties of real hardware, as OpenVINO gave them in public reports."""

from __future__ import annotations

from typing import Any

from doctor.children import ChildResult

VERSION = "2026.4.0-22849-71640275d29"

LUNAR_LAKE = (
    {
        "name": "CPU",
        "properties": {
            "FULL_DEVICE_NAME": "Intel(R) Core(TM) Ultra 9 288V",
            "DEVICE_ARCHITECTURE": "intel64",
            "DEVICE_TYPE": "Type.INTEGRATED",
        },
    },
    {
        "name": "GPU",
        "properties": {
            "FULL_DEVICE_NAME": "Intel(R) Arc(TM) 140V GPU (16GB) (iGPU)",
            "DEVICE_ARCHITECTURE": "GPU: vendor=0x8086 arch=v20.4.4",
            "DEVICE_TYPE": "Type.INTEGRATED",
            "OPTIMIZATION_CAPABILITIES": ["FP32", "BIN", "FP16", "INT8", "GPU_HW_MATMUL", "EXPORT_IMPORT"],
            "GPU_DEVICE_TOTAL_MEM_SIZE": 17721700352,
        },
    },
    {
        "name": "NPU",
        "properties": {
            "FULL_DEVICE_NAME": "Intel(R) AI Boost",
            "DEVICE_ARCHITECTURE": "4000",
            "DEVICE_TYPE": "Type.INTEGRATED",
        },
    },
)
"""openvinotoolkit/openvino.genai issue 1358 (GPU), openvinotoolkit/openvino issue 32408 (CPU); the NPU of this
generation calls itself 4000."""

ARROW_LAKE_NPU = {
    "name": "NPU",
    "properties": {
        "FULL_DEVICE_NAME": "Intel(R) AI Boost",
        "DEVICE_ARCHITECTURE": "3720",
        "DEVICE_TYPE": "Type.INTEGRATED",
        "NPU_DEVICE_TOTAL_MEM_SIZE": 34359738368,
        "NPU_DRIVER_VERSION": 1004778,
    },
}
"""A Core Ultra 7 with Windows' driver 32.0.100.4778, OpenVINO 2026.3."""

A770 = {
    "FULL_DEVICE_NAME": "Intel(R) Arc(TM) A770 Graphics (dGPU)",
    "DEVICE_TYPE": "Type.DISCRETE",
    "GPU_DEVICE_TOTAL_MEM_SIZE": 16225243136,
}

B580 = {
    "FULL_DEVICE_NAME": "Intel(R) Arc(TM) B580 Graphics (dGPU)",
    "DEVICE_TYPE": "Type.DISCRETE",
    "GPU_DEVICE_TOTAL_MEM_SIZE": 12_168_000_000,
}
"""The memory as a log rounds it, to a million bytes."""

NVIDIA = {"FULL_DEVICE_NAME": "NVIDIA GeForce RTX 5090 D (dGPU)", "DEVICE_TYPE": "Type.DISCRETE"}

CPU_ONLY = ({"name": "CPU", "properties": {"FULL_DEVICE_NAME": "AMD Ryzen 7 5700G with Radeon Graphics         "}},)


def listing(*devices: dict[str, Any]) -> ChildResult:
    return ChildResult("answered", {"version": VERSION, "devices": list(devices)})


def gpu(properties: dict[str, Any], name: str = "GPU") -> dict[str, Any]:
    return {"name": name, "properties": properties}
