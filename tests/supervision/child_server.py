"""A small real device server for the supervisor's tests: the options of the real one, and faults to order."""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reports.device import Health, Live, MemoryReport
from reports.requests import ActivityReport
from supervision.job import contain_children
from supervision.lifeline import watch_stdin
from web.graceful_server import GracefulServer
from web.listening import open_listeners
from web.streaming import JSON


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def make_app(options: argparse.Namespace) -> Starlette:
    # What it was called with stands where the real one names its hardware.
    state = Health(status="ok", device=options.device, pid=os.getpid(), device_name=json.dumps(sys.argv[1:]))
    memory = MemoryReport(options.device, "system", 4, 3, 2, 0, 1, 1, measured=True, models=[])

    async def health(_: Request) -> Response:
        return JSON(state)

    async def live(_: Request) -> Response:
        return JSON(Live(state, memory, ActivityReport(0, [], [])))

    async def slow(_: Request) -> Response:
        say("slow request begins")
        await asyncio.sleep(1)
        return PlainTextResponse("done")

    async def freeze(_: Request) -> Response:
        time.sleep(3600)  # noqa: ASYNC251
        return PlainTextResponse("never")

    routes = {"/health": health, "/live": live, "/slow": slow, "/freeze": freeze}
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes.items()])


def misbehave(options: argparse.Namespace) -> None:
    if options.fault == "exit-at-once":
        say("目前無法載入")
        sys.exit(1)
    if options.fault == "cannot-start":
        sys.stderr.write("the model directory is not there\n")
        sys.exit(3)
    if options.fault == "die-once":
        marker = Path(options.data_dir) / "died"
        if not marker.exists():
            marker.touch()
            sys.exit(1)
    if options.fault == "leaves-a-grandchild":
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        (Path(options.data_dir) / "grandchild").write_text(str(grandchild.pid), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--device", "--config", "--data-dir", "--host", "--log-level", "--fault"):
        parser.add_argument(name)
    parser.add_argument("--port", type=int)
    parser.add_argument("--admin-port", type=int)
    parser.add_argument("--fd", type=int, action="append", default=[])
    options = parser.parse_args()
    contain_children()
    misbehave(options)

    server = GracefulServer(uvicorn.Config(make_app(options), log_level="warning"))
    sockets = [socket.socket(fileno=fd) for fd in options.fd] or open_listeners(options.host, options.port)

    if options.fault == "ignore-everything":
        server.handle_exit = lambda sig, frame: None  # type: ignore[method-assign]
    elif options.fault != "ignore-stdin":
        watch_stdin(server.stop)
    if options.fault == "silent":
        time.sleep(3600)
    say("正在服務")
    server.run(sockets=sockets)


if __name__ == "__main__":
    main()
