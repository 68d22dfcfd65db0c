"""What a cluster serves: the arguments in cluster.yaml, as types, and what they mean to Ray."""

import math
import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from configuration.schema import DeviceName, DeviceSettings
from configuration.server_config import ServerConfig
from hardware.devices import DeviceInfo

FRONT_RESOURCE = "openvino_front"
_NUMBERED = re.compile(r"(CPU|GPU|NPU)(?:\.(\d+))?")


class Replicas(BaseModel):
    """How many replicas a device's deployment has. `target_ongoing_requests`: of one replica, before there should be
    another (None = what its largest batch holds); `device_share`: how much of its node's device a replica takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: int = Field(default=1, ge=0)
    max: int = Field(default=1, ge=1)
    target_ongoing_requests: float | None = Field(default=None, gt=0)
    device_share: float = Field(default=1, gt=0, le=1)


class ClusterDevice(DeviceSettings):
    """A device of `device_config.json` and its `replicas`. `port` and `fallback_device` have no meaning here: there is
    one address, and a replica is placed where the device is."""

    port: int = Field(default=1, ge=1, le=65535)
    replicas: Replicas = Field(default_factory=Replicas)

    @property
    def target_ongoing_requests(self) -> float:
        return self.replicas.target_ongoing_requests or max([model.max_concurrent for model in self.models], default=1)

    def deployment_options(self) -> dict[str, Any]:
        """The options of the Serve deployment."""
        shares = dict.fromkeys(resources_of(self.device), self.replicas.device_share)
        return {
            "ray_actor_options": {"num_cpus": 0, "resources": shares},
            "max_ongoing_requests": math.ceil(2 * self.target_ongoing_requests),
            "max_queued_requests": self.max_queue,
            "autoscaling_config": {
                "min_replicas": self.replicas.min,
                "max_replicas": max(self.replicas.min, self.replicas.max),
                "target_ongoing_requests": self.target_ongoing_requests,
            },
        }


class Cluster(BaseModel):
    """`host`: the one that the proxies listen on; beyond loopback every caller needs a key. `keys_file`: one for all
    nodes (None = each node's own). `fronts`: how many replicas take requests in, one a node. `server`: what stands in
    `server_config.json` on one machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    keys_file: str | None = None
    fronts: int = Field(default=1, ge=1)
    server: ServerConfig = Field(default_factory=ServerConfig)
    devices: dict[DeviceName, ClusterDevice] = Field(min_length=1)


def resources_of(device: str) -> list[str]:
    """The Ray resources of the devices that a configured one names: `GPU` → `intel_gpu`, `GPU.1` → `intel_gpu.1`,
    `HETERO:GPU.0,GPU.1` → both."""
    return sorted({_resource(kind, number) for kind, number in _NUMBERED.findall(device.upper())})


def offered_resources(available: Iterable[DeviceInfo]) -> dict[str, float]:
    """What a node with devices offers to Ray: one of each that this program serves from, and one place for a front."""
    offered = {FRONT_RESOURCE: 1.0}
    for device in available:
        match = _NUMBERED.fullmatch(device.name)
        foreign = device.kind == "GPU" and device.vendor not in ("Intel", None)
        if match and not foreign:
            offered[_resource(match[1], match[2])] = 1.0
    return offered


def _resource(kind: str, number: str | None) -> str:
    maker = "openvino" if kind == "CPU" else "intel"
    return f"{maker}_{kind.lower()}" + (f".{number}" if number and number != "0" else "")
