"""How long a request waits when its model must first push another one out."""

import tempfile
import time
from pathlib import Path

from benchmarks.measurements.section import Row, Section
from tests.support.launch import DeviceProcess, device_process, instance_bytes

_GB = 10**9


def switching(model: Path, runs: int) -> Section:
    """Two copies of a model with memory for one, asked in turns."""
    names = ["copy/a", "copy/b"]
    assigned = [{"id": name, "path": str(model), "instance_memory_gb": 0.1} for name in names]
    waits: list[float] = []
    loads: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        limit = 1.5 * instance_bytes(assigned[0], Path(folder)) / _GB
        with device_process(Path(folder), models=assigned, memory_limit_gb=limit) as server:
            for turn in range(2 * (runs + 1)):
                name = names[turn % 2]
                started = time.perf_counter()
                _one_token(server, name)
                waits.append(time.perf_counter() - started)
                [instance] = server.get(f"/model/instances?model={name}")["instances"]
                loads.append(instance["load_seconds"])
    return Section(
        "switching",
        "A request whose model must push another out",
        [
            Row("request → first token", waits[2:], "s"),
            Row("of that, the library's load and warm-up", loads[2:], "s"),
        ],
    )


def _one_token(server: DeviceProcess, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    server.post("/v1/chat/completions", body).raise_for_status()
