"""A stand-in for the converter: no torch, no export. Its exporter copies a small model that is in OpenVINO's format
already, and goes wrong as it is told. What it cannot show is that a true export works: tests/real does.

As a program: `python -m tests.conversion.stand_in MODEL ORDERS REQUEST`; ORDERS is a JSON file of faults.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from conversion.child import MARK
from conversion.steps import Exporter
from conversion.toolchain import Converter, ConverterStatus
from supervision.environment import child_environment
from supervision.lifeline import watch_stdin
from supervision.python import python_command

Orders = dict[str, Any]
QUICK = python_command("-c", f"print('{MARK}{{\"verified\": {{}}}}')")
"""Says of every model that it works: for tests of what is around that. The true verification takes seconds."""


class StandInConverter(Converter):
    """`model`: what every export comes to. `orders`: `fail`: a sentence, `disk_full`, `die`, `cut`: the weights come
    short, `hold`: wait there until the file `release` is beside the orders, `install`: "fail" or "hold"."""

    def __init__(self, data_dir: Path, model: Path) -> None:
        super().__init__(data_dir)
        self._model = model
        self._orders = data_dir / "orders.json"

    def order(self, **orders: Any) -> None:
        self._orders.write_text(json.dumps(orders), encoding="utf-8")

    def release(self) -> None:
        self._orders.with_name("release").touch()

    async def _build(self, on_line: Callable[[str], object]) -> None:
        self.python.parent.mkdir(parents=True)
        self.python.write_bytes(bytes(1000))
        await self._run(self._program("install"), on_line)

    def status(self) -> ConverterStatus:
        return replace(super().status(), size_bytes=1000, download_bytes=1000)

    def exporter(self, scratch: Path) -> Exporter:
        return Exporter(self._program(), child_environment() | {"TMPDIR": str(scratch)})

    def _program(self, *words: str) -> tuple[str, ...]:
        return python_command("-m", "tests.conversion.stand_in", str(self._model), str(self._orders), *words)


def tell(**event: Any) -> None:
    sys.stdout.write(f"{MARK}{json.dumps(event)}\n")
    sys.stdout.flush()


def hold(orders: Path) -> None:
    orders.with_name("held").touch()
    while not orders.with_name("release").exists():
        time.sleep(0.01)


def main() -> int:
    model, path, asked = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    orders: Orders = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if asked == "install":
        sys.stdout.write("Collecting nothing\n")
        sys.stdout.flush()
        if orders.get("install") == "hold":
            hold(path)
        return 1 if orders.get("install") == "fail" else 0
    watch_stdin(lambda: os._exit(0))
    request = json.loads(asked)
    tell(stage="exporting")
    sys.stdout.write(f"This exports nothing: {' '.join(request['options'])}\n")
    scratch = Path(os.environ["TMPDIR"]) / "intermediate"
    scratch.write_bytes(bytes(100_000))
    shutil.copytree(model, request["output"])
    if orders.get("hold"):
        hold(path)
    if orders.get("die") and sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGKILL)
    if reason := orders.get("fail"):
        tell(failed=reason, kind="disk_full" if orders.get("disk_full") else "failed")
        return 1
    if orders.get("cut"):
        with (Path(request["output"]) / "openvino_model.bin").open("r+b") as stream:
            stream.truncate(16)
    tell(stage="exported", versions={"stand-in": "1"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
