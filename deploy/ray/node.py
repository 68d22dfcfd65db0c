"""A node of the cluster: `python -m deploy.ray.node --head`, elsewhere `python -m deploy.ray.node --address HOST:6379`.

Offers what OpenVINO finds here to Ray as resources, then becomes `ray start`, which runs until it is stopped.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.ray.settings import offered_resources
from hardware.devices import available_devices

DATA_DIR_VARIABLE = "OVMS_DATA_DIR"
"""How replicas learn where their node keeps models, caches and the memory ledger."""

PROJECT = Path(__file__).resolve().parents[2]


def ray_command(resources: Mapping[str, float], rest: Sequence[str], ray: Path) -> list[str]:
    """`rest` are options of `ray start`."""
    fixed = ["--block", "--disable-usage-stats", "--resources", json.dumps(dict(resources))]
    return [str(ray), "start", *fixed, *rest]


def environment_of(data_dir: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the node's processes run with: the project is imported from here, telemetry is switched off."""
    path = os.pathsep.join(filter(None, (str(PROJECT), environment.get("PYTHONPATH"))))
    data_dir.mkdir(parents=True, exist_ok=True)
    own = {DATA_DIR_VARIABLE: str(data_dir.resolve()), "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}
    return {**environment, **own}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="deploy.ray.node", description="Start a node; other options: `ray start -h`.")
    parser.add_argument("--data-dir", type=Path, default=PROJECT, help="models, caches, keys (default: the project)")
    parser.add_argument("--no-devices", action="store_true", help="offer none: for a head that does nothing else")
    parser.add_argument("--show", action="store_true", help="say what this node offers, and end")
    options, rest = parser.parse_known_args(arguments)
    resources = {} if options.no_devices else offered_resources(available_devices())
    sys.stdout.write(f"This node offers {', '.join(resources) or 'no device'}.\n")
    sys.stdout.flush()
    if options.show:
        return
    command = ray_command(resources, rest, Path(sys.executable).parent / "ray")
    os.execve(command[0], command, environment_of(options.data_dir))


if __name__ == "__main__":
    main()
