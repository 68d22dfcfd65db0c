"""The suite on Ray Serve: `serve run deploy/ray/cluster.yaml`, or any Serve configuration that imports `build`.

Each configured device is a deployment whose replicas are placed where the device is; each replica runs the device
server's own app, pools and memory budget. The front reads a request's model and asks that device's deployment.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from fastapi import FastAPI

from configuration.device_config import Configuration
from deploy.ray.front import ReplicaLost, create_front
from deploy.ray.in_process import InProcessRequest, Part, StartedAnswer, answer_of
from deploy.ray.models import present_models
from deploy.ray.node import DATA_DIR_VARIABLE
from deploy.ray.settings import FRONT_RESOURCE, Cluster
from hardware.devices import available_devices
from instances.handle import Instance
from instances.protocol import LoadModel
from pools.errors import QueueFull, QueueTimeout
from ray import serve  # pyright: ignore[reportAttributeAccessIssue]  # an optional extra
from ray.exceptions import RayActorError  # pyright: ignore[reportMissingImports]
from ray.serve import Application  # pyright: ignore[reportMissingImports]
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError  # pyright: ignore[reportMissingImports]
from ray.serve.handle import DeploymentHandle  # pyright: ignore[reportMissingImports]
from server_app import build_device_server, create_app

MakeInstance = Callable[[LoadModel], Instance]

_DRAIN_SECONDS = 120
_TAKEN = b""
"""What a replica says first, so that waiting for a replica and waiting for its answer are two things."""


class RayDevice:
    """A replica: one device's app, in this process."""

    async def __init__(self, name: str, cluster: Cluster, make_instance: MakeInstance) -> None:
        data_dir = Path(os.environ[DATA_DIR_VARIABLE])
        models = await present_models(cluster.devices[name].models, data_dir)
        settings = cluster.devices[name].model_copy(update={"models": models, "fallback_device": None})
        server = build_device_server(
            name, Configuration(devices={name: settings}), data_dir, available_devices(), make_instance=make_instance
        )
        keys_file = Path(cluster.keys_file) if cluster.keys_file else None
        self._app = create_app(
            server, host=cluster.host, admin_port=0, server_config=cluster.server, keys_file=keys_file
        )
        self._life = AsyncExitStack()
        await self._life.enter_async_context(self._app.router.lifespan_context(self._app))

    async def answer(self, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        yield _TAKEN
        async with aclosing(answer_of(self._app, asked)) as parts:
            async for part in parts:
                yield part

    async def check_health(self) -> None:
        """Ray replaces the replica when this raises."""
        asked = InProcessRequest("GET", "/health")
        begun = [part async for part in answer_of(self._app, asked) if isinstance(part, StartedAnswer)]
        if begun[0].status != 200:
            raise RuntimeError(f"/health answered {begun[0].status}.")

    async def __del__(self) -> None:
        await self._life.aclose()


@serve.ingress()
class Front:
    def __init__(self, cluster: Cluster, devices: Mapping[str, DeploymentHandle]) -> None:
        self._cluster = cluster
        self._devices = {name: handle.answer.options(stream=True) for name, handle in devices.items()}

    def __serve_build_asgi_app__(self) -> FastAPI:
        limits = self._cluster.server.limits()
        return create_front(self._cluster.devices, self._ask, body_bytes=limits.body_bytes)

    async def _ask(self, device: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        wait = self._cluster.devices[device].queue_timeout
        parts = self._devices[device].remote(asked)
        try:
            await asyncio.wait_for(anext(parts), wait)
            async for part in parts:
                yield part
        except RayActorError as error:
            raise ReplicaLost(f"What answered for {device} is gone. Please ask again.") from error
        except BackPressureError as error:
            raise QueueFull(f"All replicas of {device} are busy and its queue is full.", retry_after=1) from error
        except (asyncio.TimeoutError, DeploymentUnavailableError) as error:
            raise QueueTimeout(f"No replica of {device} was free within {wait:g} s.", retry_after=5) from error
        finally:
            parts.cancel()


def build(cluster: Cluster) -> Application:
    """The Serve application of a cluster."""
    return application(cluster)


def application(cluster: Cluster, *, make_instance: MakeInstance = Instance) -> Application:
    """`make_instance` is for measurements."""
    device = serve.deployment(
        RayDevice, health_check_period_s=10, health_check_timeout_s=30, graceful_shutdown_timeout_s=_DRAIN_SECONDS
    )
    handles = {
        name: device.options(name=name, **settings.deployment_options()).bind(name, cluster, make_instance)
        for name, settings in cluster.devices.items()
    }
    front = serve.deployment(Front).options(
        num_replicas=cluster.fronts,
        max_ongoing_requests=10_000,
        graceful_shutdown_timeout_s=_DRAIN_SECONDS,
        ray_actor_options={"num_cpus": 0, "resources": {FRONT_RESOURCE: 1}},
    )
    return front.bind(cluster, handles)
