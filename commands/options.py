"""What can be typed behind `python main.py`. Nothing heavy is imported here: help must come at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 11437
_LOG_LEVELS = ("debug", "info", "warning", "error")
COMMANDS = {
    "serve": "start the suite, as without a command",
    "pull": "download a model, or bring it up to date",
    "list": "the models on this machine",
    "search": "OpenVINO models on the hub",
    "show": "everything about a model on this machine",
    "rm": "delete a model",
    "verify": "check a model's files against what the hub published",
    "import": "take a model from a folder of this machine",
    "assign": "offer a model on a device",
    "unassign": "take a model off a device",
    "ps": "the models that are loaded now",
    "status": "the devices and what they are doing",
    "gateway": "one address for all devices: switch it on or off",
    "tune": "find out which kind of pipeline serves a model best here",
    "bench": "measure a model's speed on this machine, or compare two measurements",
    "keys": "manage the API keys",
    "doctor": "look for what keeps this machine from serving well",
}
_AS_WRITTEN = argparse.RawDescriptionHelpFormatter
_Adder = Callable[[str], argparse.ArgumentParser]
EXIT_CODES = """exit codes:
  0    done                             5    the hub or a server could not be reached
  1    failed, or a problem was found   6    a licence or a token is asked for
  2    wrong usage                      7    the disk is full
  3    not found                        130  interrupted
  4    in use, or in conflict with something under way"""


def suite_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{width}}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Serve language models on the GPU, NPU and CPU of this PC, with a page to manage them.",
        epilog=f"commands (main.py COMMAND --help says more):\n{commands}",
        formatter_class=_AS_WRITTEN,
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=PROJECT,
        metavar="DIR",
        help="folder of device_config.json, models, caches and logs (default: the project's)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"port of the page (default: {DEFAULT_PORT})")
    parser.add_argument("--no-devices", action="store_true", help="serve the page, start no device server")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve by TLS: certificate and chain, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's private key, PEM")
    parser.add_argument("--log-level", choices=_LOG_LEVELS, default="info")
    return parser


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options with which the suite is started."""
    return suite_parser().parse_args(arguments)


def command_parser() -> argparse.ArgumentParser:
    """`python main.py COMMAND …`, all but serve."""
    parser = argparse.ArgumentParser(prog="main.py", epilog=EXIT_CODES, formatter_class=_AS_WRITTEN)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=COMMANDS[name],
            description=_sentence(COMMANDS[name]),
            epilog=EXIT_CODES,
            formatter_class=_AS_WRITTEN,
        )
        command.add_argument("--data-dir", type=Path, default=PROJECT, metavar="DIR", help="default: the project's")
        command.add_argument("--url", help="the admin server to ask (default: the one that runs on the data directory)")
        command.add_argument("--json", action="store_true", help="print one JSON document")
        return command

    _add_model_commands(add)
    _add_device_commands(add)
    return parser


def _add_model_commands(add: _Adder) -> None:
    pull = add("pull")
    pull.add_argument("model", help="organisation/name; of a GGUF repository one file: organisation/name:Q4_K_M")
    pull.add_argument("--revision", help="branch, tag or commit (default: the hub's default branch)")
    pull.add_argument("--detach", action="store_true", help="let the running server go on alone")
    add("list")
    search = add("search")
    search.add_argument("query", nargs="?", default="", help="words that the model's id holds")
    search.add_argument("--recommended", action="store_true", help="what suits the devices of this PC instead")
    add("show").add_argument("model")
    remove = add("rm")
    remove.add_argument("model")
    remove.add_argument("--force", action="store_true", help="take it off all devices first")
    add("verify").add_argument("model")
    importing = add("import")
    importing.add_argument("folder", type=Path, help="a folder with a model, or a GGUF file")
    importing.add_argument("--id", metavar="ORG/NAME", help="the model's id here (default: from the folder's name)")
    importing.add_argument("--reference", action="store_true", help="leave the files where they are")


def _add_device_commands(add: _Adder) -> None:
    assign = add("assign")
    assign.add_argument("model")
    assign.add_argument("device", help="the device's name in device_config.json: gpu, npu, …")
    assign.add_argument("--preload", type=_count, metavar="N", help="instances to load at the start")
    assign.add_argument("--max-concurrent", type=_count, metavar="N", help="requests at once")
    assign.add_argument("--idle-timeout", type=float, metavar="SECONDS", help="-1: stay loaded")
    unassign = add("unassign")
    unassign.add_argument("model")
    unassign.add_argument("device")
    tune = add("tune")
    tune.add_argument("model")
    tune.add_argument("--device", default="gpu", help="the device's name in device_config.json (default: gpu)")
    bench = add("bench")
    bench.add_argument(
        "model", nargs="*", metavar="MODEL", help="a model (default: the device's first), or: compare A.json B.json"
    )
    bench.add_argument("--device", default="gpu", help="the device's name in device_config.json (default: gpu)")
    bench.add_argument("--quick", action="store_true", help="prompts of 128 and 512 tokens, 1 and 8 streams only")
    bench.add_argument("--output", type=Path, metavar="FILE", help="keep the measurement, for compare")
    keys = add("keys")
    keys.add_argument("action", choices=("create", "list", "revoke"))
    keys.add_argument("name", nargs="?", help="create: whose key it is, or what for; revoke: its name or id")
    keys.add_argument(
        "--scope",
        action="append",
        choices=("inference", "admin"),
        help="what a new key allows; may be given twice (default: inference, the first key both)",
    )
    gateway = add("gateway")
    gateway.add_argument("action", choices=("on", "off", "show"))
    gateway.add_argument("--host", metavar="ADDRESS", help="address to listen on (first: 127.0.0.1, this machine only)")
    gateway.add_argument("--port", type=_port, help="first: 11434, which clients of Ollama try by themselves")
    add("ps")
    add("status")
    doctor = add("doctor")
    doctor.add_argument("--lang", choices=("en", "zh-TW"), help="language of the findings (default: the system's)")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535; 0 takes a free one")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("a number from 0 on")
    return count
