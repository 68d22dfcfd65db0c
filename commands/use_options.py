"""The options of commands that use served models, and of those for the suite itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

_Adder = Callable[[str], argparse.ArgumentParser]
CLIENTS = ("claude", "codex", "opencode", "copilot", "continue", "cline", "goose", "aider", "open-webui")
"""As in `clients.agents`, which help need not import."""
THINKING = ("on", "off", "low", "medium", "high")


def add_using_commands(add: _Adder) -> None:
    launch = add("launch")
    launch.add_argument("client", nargs="?", choices=CLIENTS, help="the program to start (default: list them)")
    launch.add_argument("--model", help="a served model (default: the first that is fit for the client)")
    launch.add_argument("--write", action="store_true", help="write it into the client's own configuration instead")
    launch.add_argument("--undo", action="store_true", help="put the client's configuration back")
    launch.add_argument("--dry-run", action="store_true", help="show what would be done")
    launch.add_argument("--force", action="store_true", help="use a model that is not fit for the client")
    launch.add_argument("--key", help="API key for the client, where the server asks for one")
    run = add("run")
    run.add_argument("model", help="a served model: gpu-organisation/name, its ID, the end of its ID, or an alias")
    run.add_argument("prompt", nargs="*", help="ask this once; text piped in follows it (default: a conversation)")
    run.add_argument("--assign", metavar="DEVICE", help="serve the model on this device first if it is not")
    run.add_argument("--system", metavar="TEXT", help="system message")
    run.add_argument(
        "--image", action="append", default=[], type=Path, metavar="FILE", help="send an image; may be repeated"
    )
    run.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="temperature=0, num_predict=200, …; may be repeated",
    )
    run.add_argument("--think", choices=THINKING, help="let a thinking model think (default: as the model does)")
    run.add_argument("--format", metavar="FORMAT", help="json, or a file with a JSON schema that the answer must match")
    run.add_argument("--keep-alive", metavar="TIME", help="keep the model loaded this long: 10m, 1h, -1 for ever")
    run.add_argument("--verbose", action="store_true", help="show tokens and times of each answer")
    run.add_argument("--no-history", action="store_true", help="do not keep what is typed for the next conversation")


def add_suite_commands(add: _Adder) -> None:
    add("open")
    logs = add("logs")
    logs.add_argument("name", nargs="?", default="admin", help="admin, gateway, or a device (default: admin)")
    logs.add_argument("--lines", type=int, default=200, metavar="N", help="the last N lines (default: 200)")
    logs.add_argument("--follow", "-f", action="store_true", help="go on with what comes, until Ctrl-C")
    restart = add("restart")
    restart.add_argument("name", nargs="?", help="a device, or gateway (default: all that run)")
    add("stop")
    completion = add("completion")
    completion.add_argument("shell", choices=("bash", "zsh", "fish", "powershell"))
    completion.add_argument(
        "--name", default="openvino-server", help="name of the command to define (default: openvino-server)"
    )
    update = add("update")
    update.add_argument("archive", nargs="?", help="a release archive, a file or an https address (default: git)")
    update.add_argument("--check", action="store_true", help="only say what there is")
    update.add_argument("--sha256", metavar="HASH", help="what the archive must be")
    service = add("service")
    service.add_argument("action", choices=("install", "remove", "status"))
    service.add_argument("--dry-run", action="store_true", help="show what would be done")
