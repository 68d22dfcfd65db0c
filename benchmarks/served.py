"""The device server as users run it, with the benchmark's model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.launch import ServerFailed, device_process
from tests.support.messages import Target

HOST = "127.0.0.1"
MODEL_ID = "bench/model"
_LOAD_SECONDS = 600


@dataclass(frozen=True)
class Served:
    """A running server with one loaded instance. `idle_bytes`: the server's memory before that was loaded."""

    target: Target
    server: psutil.Process
    instance: psutil.Process
    kv_cache_tokens: int
    idle_bytes: int


@contextmanager
def serve(
    model: Path,
    folder: Path,
    *,
    device: str,
    settings: Mapping[str, Any],
    module: str = "server_app",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Runs the server with its data in `folder`; it has ended when the context is left.

    `settings` are those of the model in the configuration; `module` takes the arguments of `server_app`;
    `environment`: variables to add. Raises `ServerFailed`.
    """
    with device_process(
        folder,
        name=device.partition(".")[0].lower(),
        models=[{"id": MODEL_ID, "path": str(model), **settings}],
        module=module,
        options=("--log-level", "warning"),
        variables=environment,
        device=device,
        # Only the NPU's pipeline may run on something else than was asked for.
        fallback_device="CPU" if device == "NPU" else None,
    ) as server:
        idle_bytes = server.resident_bytes()
        loading = server.client.post(f"/model/preload/{MODEL_ID}/1", timeout=_LOAD_SECONDS)
        if loading.is_error:
            raise ServerFailed(loading.text)
        [facts] = server.get("/memory")["models"]
        yield Served(
            Target(HOST, server.port, f"{server.name}-{MODEL_ID}"),
            psutil.Process(server.process.pid),
            psutil.Process(facts["instances"][0]["pid"]),
            facts["kv_cache_tokens"],
            idle_bytes,
        )
