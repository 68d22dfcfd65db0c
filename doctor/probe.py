"""The process that asks OpenVINO: `python -m doctor.probe devices` and `python -m doctor.probe generate DEVICE MODEL`.

It prints one line of JSON behind `MARK`. A driver may print, hang or crash: that is why this is a process of its own.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from doctor.drivers import Driver, gpu_driver, kernel_driver, read_drivers
from hardware import no_telemetry as no_telemetry

MARK = "doctor-result:"
PROPERTIES = (
    "FULL_DEVICE_NAME",
    "DEVICE_ARCHITECTURE",
    "DEVICE_TYPE",
    "OPTIMIZATION_CAPABILITIES",
    "GPU_DEVICE_TOTAL_MEM_SIZE",
    "GPU_DEVICE_MAX_ALLOC_MEM_SIZE",
    "DEVICE_UUID",
    "NPU_DEVICE_TOTAL_MEM_SIZE",
    "NPU_DRIVER_VERSION",
)
_NPU_CONTEXT = {"MAX_PROMPT_LEN": 128, "MIN_RESPONSE_LEN": 16}
_PROMPT = "OpenVINO"


def list_devices() -> dict[str, Any]:
    import openvino

    core = openvino.Core()
    devices = [{"name": name, "properties": _properties(core, name)} for name in core.available_devices]
    drivers = read_drivers() if any(device["name"].startswith("GPU") for device in devices) else []
    for device in devices:
        device["properties"] |= _driver(device["name"], device["properties"], drivers)
    return {"version": openvino.get_version(), "devices": devices}


def _driver(name: str, properties: dict[str, Any], drivers: list[Driver]) -> dict[str, str]:
    """Of a GPU, whose plugin does not tell it."""
    if not name.startswith("GPU"):
        return {}
    version = gpu_driver(properties.get("FULL_DEVICE_NAME", ""), properties.get("DEVICE_UUID", ""), drivers)
    return {key: value for key, value in (("DRIVER_VERSION", version), ("KERNEL_DRIVER", kernel_driver())) if value}


def _properties(core: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in PROPERTIES:
        try:
            found[key] = _plain(core.get_property(name, key))
        except (RuntimeError, TypeError):  # not every device has every property, not every value a Python form
            continue
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float)):
        return value.strip() if isinstance(value, str) else value
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def generate(device: str, model: str) -> dict[str, Any]:
    """Load a model and generate one token, timed in seconds."""
    import openvino_genai

    properties: dict[str, Any] = _NPU_CONTEXT if device.startswith("NPU") else {}
    started = time.monotonic()
    pipeline = openvino_genai.LLMPipeline(model, device, **properties)
    loaded = time.monotonic()
    pipeline.generate(_PROMPT, max_new_tokens=1)
    return {"load_seconds": round(loaded - started, 2), "token_seconds": round(time.monotonic() - loaded, 2)}


def main(arguments: list[str]) -> int:
    result = list_devices() if arguments[0] == "devices" else generate(*arguments[1:3])
    print(f"\n{MARK}{json.dumps(result)}", flush=True)  # noqa: T201  # the parent reads it
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
