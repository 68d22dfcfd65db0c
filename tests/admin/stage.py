"""A site with something of everything on it: devices in several states, models, a fallback."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from configuration.device_config import DeviceSettings
from tests.admin.site import LiveSite, add_model, assigned, make_site
from tests.admin.stage_activity import staged_activity
from tests.admin.stage_bench import stage_bench
from tests.admin.stage_usage import stage_usage
from tests.model_files.tiny_models import make_llm
from tests.support.ports import free_port

GIB = 2**30
MODELS = {
    "OpenVINO/Phi-3-medium-4k-instruct-int4-ov": (7_900_000_000, 4096),
    "OpenVINO/Qwen3-8B-int4-cw-ov": (4_900_000_000, 40960),
    "OpenVINO/DeepSeek-R1-Distill-Qwen-1.5B-int4-ov": (1_100_000_000, 131072),
    "OpenVINO/gemma-3-4b-it-int4-ov": (2_800_000_000, 131072),
}
STATES = {
    "gpu": {
        "tokens_per_second": 42,
        "health": {"device_name": "Intel(R) Arc(TM) 140V GPU (16GB)", "active_requests": 3, "queued_requests": 1},
        "states": {
            "OpenVINO/Phi-3-medium-4k-instruct-int4-ov": {"state": "ready", "instances": 1, "active": 3, "queued": 1},
            "OpenVINO/DeepSeek-R1-Distill-Qwen-1.5B-int4-ov": {"state": "loading"},
        },
        "memory": {
            "total_bytes": 32 * GIB,
            "available_bytes": 14 * GIB,
            "used_bytes": 9 * GIB,
            "reserved_bytes": 11 * GIB,
            "models": [
                {
                    "id": "OpenVINO/Phi-3-medium-4k-instruct-int4-ov",
                    "measured_bytes": 9 * GIB,
                    "estimated_bytes": 10 * GIB,
                    "estimated_weight_bytes": 7_900_000_000,
                    "instances": [{}],
                }
            ],
        },
    },
    "npu": {
        "health": {
            "used_device": "CPU",
            "device_name": "Intel(R) Core(TM) Ultra 7 258V",
            "fallback_reason": "OpenVINO lists no NPU on this machine.",
        },
        "states": {"OpenVINO/Qwen3-8B-int4-cw-ov": {"state": "ready", "instances": 1, "active": 0}},
        "memory": {
            "total_bytes": 32 * GIB,
            "available_bytes": 14 * GIB,
            "used_bytes": 6 * GIB,
            "models": [
                {
                    "id": "OpenVINO/Qwen3-8B-int4-cw-ov",
                    "measured_bytes": 6 * GIB,
                    "estimated_bytes": int(5.5 * GIB),
                    "estimated_weight_bytes": 4_900_000_000,
                    "instances": [{}],
                }
            ],
        },
    },
}


@contextlib.contextmanager
def staged_site(folder: Path) -> Iterator[LiveSite]:
    published = make_llm(folder / "published", rt_info={"mode": "int4_sym", "group_size": "128"})
    ids = list(MODELS)
    devices = {
        "gpu": DeviceSettings(port=free_port(), device="GPU", models=assigned([ids[0], ids[2]])),
        "npu": DeviceSettings(port=free_port(), device="NPU", models=assigned([ids[1]])),
        "cpu": DeviceSettings(port=free_port(), device="CPU", models=assigned([ids[2]])),
    }
    site = make_site(folder / "data", devices=devices)
    for model_id, (size, context) in MODELS.items():
        add_model(site, model_id, published, size=size, config={"max_position_embeddings": context})
    for device, orders in STATES.items():
        site.order(device, **orders)
    site.order("gpu", **STATES["gpu"], activity=staged_activity())
    site.order("cpu", refuse_to_start="models/OpenVINO_broken: openvino_model.xml is damaged")
    stage_usage(site.data_dir)
    stage_bench(site.data_dir)
    # Its parts have read their files by now: it is made anew over the same folder.
    with LiveSite(make_site(site.data_dir, devices=devices)) as live:
        _until_settled(live)
        yield live


def _until_settled(live: LiveSite) -> None:
    deadline = time.monotonic() + 30
    while any(status.state == "starting" for status in live.site.suite.statuses()):
        if time.monotonic() > deadline:
            raise TimeoutError("the stand-ins did not start")
        time.sleep(0.05)
