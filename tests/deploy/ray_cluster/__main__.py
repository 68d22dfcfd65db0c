"""A Ray cluster of two serving nodes on this machine, tried: `sudo PYTHON -m tests.deploy.ray_cluster`.

Both nodes answer with the demo model; two nodes stream more than one when each has the same fixed share of a
processor; a node that is killed costs no request that comes later, and its return is used; an update costs none at all,
and nobody works for clients that have left. Needs Linux, its superuser
and deploy/ray/requirements.txt. The exit status is 1 when something did not hold.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median

from tests.deploy.ray_cluster.changing import leave, update_under_load
from tests.deploy.ray_cluster.cluster import RayCluster, device
from tests.deploy.ray_cluster.hosts import Host, hosts, preferred
from tests.deploy.ray_cluster.losing import stream_meanwhile
from tests.reliability.scenarios.result import Result
from tests.support.helper import Helper
from tests.support.messages import Job

WANTED_GROWTH = 1.7
_ANSWERS_A_STREAM = 5
"""One after the other, so that the last streams' end weighs little."""

_CLIENTS = 16
"""Where the demo model answers."""

_LONG_ANSWER = 600
"""In tokens of the demo model: takes seconds, so that a node is killed in the middle of it."""

_NOTICED_SECONDS = 10
"""After a change Ray's state tells of the old replicas for a moment."""

_INSIDE = "--inside"
_NULL_APP = "tests.deploy.ray_cluster.null_app"


class Check:
    """`one` and `two` are the serving nodes."""

    def __init__(self, cluster: RayCluster, one: Host, two: Host, options: argparse.Namespace) -> None:
        self.cluster, self.one, self.two, self.options = cluster, one, two, options
        self.used_up: dict[int, list[float]] = {1: [], 2: []}

    def both_serve(self) -> Result:
        """With the demo model, at both addresses, by both replicas."""
        result = Result("both nodes serve the demo model")
        self.cluster.join(self.one)
        self.cluster.join(self.two)
        self.cluster.deploy(device(), fronts=2)
        self.cluster.wait_for({self.one.address, self.two.address})
        for host in (self.one, self.two):
            result.figures[f"tokens/s at {host.address}"] = round(self._speed([host], streams=8, tokens=64))
        tokens = self.cluster.tokens_of_replicas(self.one.address)
        result.figures["tokens by replica"] = sorted(tokens.values())
        result.expect(len(tokens) == 2 and min(tokens.values()) > 0, f"one replica answered nothing: {tokens}")
        return result

    def growth(self) -> Result:
        """With the null engine; one node, two, one, two."""
        result = Result("two nodes stream more than one")
        self.cluster.deploy(device(max_concurrent=self.options.streams), fronts=2, module=_NULL_APP)
        both = {self.one.address, self.two.address}
        speeds: dict[str, list[float]] = {"one": [], "two": []}
        for _ in range(self.options.rounds):
            self.cluster.wait_for(both)
            speeds["two"] += self._speeds([self.one, self.two])
            self.two.share.kill()
            self.cluster.wait_for({self.one.address})
            speeds["one"] += self._speeds([self.one])
            self.cluster.join(self.two)
        self.cluster.wait_for(both)
        growth = median(speeds["two"]) / median(speeds["one"])
        for name, each in speeds.items():
            result.figures[f"tokens/s of {name}"] = f"{median(each):.0f} ({min(each):.0f} to {max(each):.0f})"
            shares = self.used_up[2 if name == "two" else 1]
            result.figures[f"share used up by {name}"] = ", ".join(f"{share:.0%}" for share in shares)
        result.figures["growth"] = round(growth, 2)
        result.expect(growth >= WANTED_GROWTH, f"{growth:.2f} times is less than {WANTED_GROWTH} times")
        return result

    def losing_a_node(self) -> Result:
        """Killed under load, then started again."""
        result = Result("a node dies under load and comes back")
        self.cluster.deploy(device(), fronts=2)
        time.sleep(_NOTICED_SECONDS)
        self.cluster.wait_for({self.one.address, self.two.address})
        return asyncio.run(self._losing(result))

    async def _losing(self, result: Result) -> Result:
        moments: list[float] = []

        async def kill_and_restart() -> None:
            await asyncio.sleep(5)
            moments.append(time.monotonic())
            await asyncio.to_thread(self.two.share.kill)
            await asyncio.to_thread(self.cluster.wait_for, {self.one.address})
            await asyncio.sleep(5)
            moments.append(time.monotonic())
            self.cluster.join(self.two)
            await asyncio.to_thread(self.cluster.wait_for, {self.one.address, self.two.address})
            moments.append(time.monotonic())
            await asyncio.sleep(5)

        target = self.cluster.target(self.one)
        streams = await stream_meanwhile(target, _CLIENTS, _LONG_ANSWER, kill_and_restart)
        killed, started, returned = moments
        under_way, later = streams.under_way_at(killed), streams.asked_after(killed)
        result.figures |= {"under way": dict(under_way), "later": dict(later)}
        result.figures["longest s"] = round(streams.longest_after(killed), 1)
        result.figures["back after s"] = round(returned - started, 1)
        tokens = await asyncio.to_thread(self.cluster.tokens_of_replicas, self.one.address)
        result.figures["tokens by replica"] = sorted(tokens.values())
        result.expect(set(under_way) <= {"whole", "told"}, f"streams broke off without a word: {under_way}")
        result.expect(set(later) == {"whole"}, f"later requests failed: {later}")
        result.expect(len(tokens) == 2 and min(tokens.values()) > 0, f"the returned node got nothing to do: {tokens}")
        return result

    def updating(self) -> Result:
        """From one configuration of the same model to another."""

        def change() -> None:
            self.cluster.deploy(device(max_concurrent=12), fronts=2)
            time.sleep(_NOTICED_SECONDS)
            self.cluster.wait_for({self.one.address, self.two.address})

        return update_under_load(self.cluster.target(self.one), _CLIENTS, 100, change)

    def leaving(self) -> Result:
        def active() -> int:
            return sum(health["active_requests"] for health in self.cluster.health(self.one.address, 20).values())

        return leave(self.cluster.target(self.one), _CLIENTS, 1900, active)

    def _speeds(self, at: list[Host]) -> list[float]:
        with ExitStack() as stack:
            for host in at:
                stack.enter_context(host.share.held_to(self.options.cores))
            self._speed(at, streams=self.options.streams, tokens=20)
            for host in at:
                host.share.used_up()
            speeds = [self._speed(at, streams=self.options.streams, tokens=self.options.tokens) for _ in range(3)]
            self.used_up[len(at)].extend(host.share.used_up() for host in at)
            return speeds

    def _speed(self, at: list[Host], *, streams: int, tokens: int) -> float:
        """Tokens a second, `streams` at each of the hosts by a load generator of its own."""
        job = Job(["Hello"] * streams * _ANSWERS_A_STREAM, streams, tokens)
        with ExitStack() as stack, ThreadPoolExecutor(len(at)) as threads:
            loads = [stack.enter_context(Helper("tests.support.load", self.cluster.target(host))) for host in at]
            measured = list(threads.map(lambda load: load.run(job), loads))
        return sum(each.tokens for each in measured) / max(each.seconds for each in measured)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.deploy.ray_cluster", description="A Ray cluster of two nodes, tried.")
    parser.add_argument("--cores", type=float, default=0.4, help="of a processor for each node (default: 0.4)")
    parser.add_argument("--streams", type=int, default=32, help="at each node (default: 32)")
    parser.add_argument("--tokens", type=int, default=200, help="length of an answer (default: 200)")
    parser.add_argument("--rounds", type=int, default=2, help="of measuring with one node and with two (default: 2)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--keep", type=Path, help="a folder for logs, kept (default: one that is removed)")
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        command = [sys.executable, "-m", "tests.deploy.ray_cluster", *sys.argv[1:], _INSIDE]
        return subprocess.run(["unshare", "--net", *command], check=False).returncode
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        results = _run(folder, options)
    if options.json:
        document = {
            "results": [asdict(result) for result in results],
            "cores": options.cores,
            "streams": options.streams,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if any(result.problems for result in results) else 0


def _run(folder: Path, options: argparse.Namespace) -> list[Result]:
    results: list[Result] = []
    with preferred(), hosts(3, own=folder / "ray", disks=folder / "disks") as (head, one, two):
        check = Check(RayCluster(head, folder), one, two, options)
        for scenario in (check.both_serve, check.leaving, check.updating, check.growth, check.losing_a_node):
            results.append(scenario())
            print(results[-1], flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
