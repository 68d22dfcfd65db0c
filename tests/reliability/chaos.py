"""What the server promises under faults and load, tried in full: `python -m tests.reliability.chaos [--only NAME]`.

Takes about ten minutes on two cores. The last lines give the figures; the exit status is 1 when something did not hold.
`--model` is a directory with a model of some hundred million parameters (tools/build_bench_model.py makes one).
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.reliability.scenarios.applying import apply_under_load
from tests.reliability.scenarios.crowd import all_at_once, leaving
from tests.reliability.scenarios.crowding_out import more_models_than_memory
from tests.reliability.scenarios.grammars import bad_grammars
from tests.reliability.scenarios.killing import kill_workers
from tests.reliability.scenarios.lifetimes import lifetimes
from tests.reliability.scenarios.many_grammars import many_grammars
from tests.reliability.scenarios.pressure import balloon
from tests.reliability.scenarios.restarting import kill_behind_gateway, restart_behind_gateway
from tests.reliability.scenarios.result import Result
from tests.support.launch import DEMO_ID, PROJECT, DeviceProcess, demo_model, device_process
from tests.support.launch_suite import suite_process

Scenario = Callable[[Path, Path], Result]


def _memory(folder: Path, model: Path) -> Result:
    return asyncio.run(
        more_models_than_memory(model, folder, models=6, fitting=2, requests=300, clients=16, kv_cache_gb=0.1)
    )


def _balloon(folder: Path, _: Path) -> Result:
    return asyncio.run(balloon(folder, seconds=15, clients=8))


def _killing(folder: Path, _: Path) -> Result:
    with _demo(folder) as server:
        return asyncio.run(kill_workers(server, seconds=60, every=2, clients=16))


def _crowd(folder: Path, _: Path) -> Result:
    with _demo(folder) as server:
        return asyncio.run(all_at_once(server, clients=200))


def _leaving(folder: Path, _: Path) -> Result:
    with _demo(folder) as server:
        return asyncio.run(leaving(server, clients=1000))


def _applying(folder: Path, _: Path) -> Result:
    with suite_process(folder) as suite:
        suite.assign("gpu", [DEMO_ID])
        return asyncio.run(apply_under_load(suite.url, suite.device_url("gpu"), "gpu", DEMO_ID, times=5, clients=8))


def _grammars(folder: Path, _: Path) -> Result:
    with _demo(folder) as server:
        return asyncio.run(bad_grammars(server, streams=16))


def _many_grammars(folder: Path, _: Path) -> Result:
    with _demo(folder) as server:
        return asyncio.run(many_grammars(server, schemas=6000, clients=8, warm_up=1200))


def _lifetimes(folder: Path, _: Path) -> Result:
    with _demo(folder) as server:
        return asyncio.run(lifetimes(server, watch_seconds=10))


def _restarting(folder: Path, _: Path) -> Result:
    with suite_process(folder, gateway=True) as suite:
        suite.assign("gpu", [DEMO_ID])
        device, gateway = suite.device_url("gpu"), suite.gateway_url
        return asyncio.run(restart_behind_gateway(suite.url, device, gateway, DEMO_ID, times=5, clients=8))


def _killing_devices(folder: Path, _: Path) -> Result:
    with suite_process(folder, gateway=True) as suite:
        suite.assign("gpu", [DEMO_ID])
        return asyncio.run(kill_behind_gateway(suite.device_url("gpu"), suite.gateway_url, DEMO_ID, times=5, clients=8))


SCENARIOS: dict[str, Scenario] = {
    "memory": _memory,
    "balloon": _balloon,
    "killing": _killing,
    "crowd": _crowd,
    "leaving": _leaving,
    "applying": _applying,
    "gateway": _restarting,
    "gateway-killing": _killing_devices,
    "grammars": _grammars,
    "many-grammars": _many_grammars,
    "lifetimes": _lifetimes,
}


@contextmanager
def _demo(folder: Path) -> Iterator[DeviceProcess]:
    with device_process(folder, models=[demo_model(max_concurrent=32)]) as server:
        yield server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(SCENARIOS), action="append", help="one scenario (may be repeated)")
    parser.add_argument("--model", type=Path, default=PROJECT / "benchmarks" / "models" / "bench-400m")
    options = parser.parse_args()
    results: list[Result] = []
    for name in options.only or SCENARIOS:
        with tempfile.TemporaryDirectory(prefix="chaos ") as folder:
            print(f"{name} …", file=sys.stderr, flush=True)
            results.append(SCENARIOS[name](Path(folder), options.model))
    for result in results:
        print(result)
    return 1 if any(result.problems for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
