"""What can be typed behind `python main.py`. Nothing heavy is imported here: help must come at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from commands.use_options import add_suite_commands, add_using_commands
from version import __version__

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 11437
_LOG_LEVELS = ("debug", "info", "warning", "error")
COMMANDS = {
    "serve": "start the suite (the default)",
    "pull": "download or update a model",
    "convert": "convert a Hugging Face model to OpenVINO format",
    "list": "list local models",
    "search": "search the hub for OpenVINO models",
    "show": "show the details of a local model",
    "rm": "delete a model",
    "verify": "verify a model's files against the hub",
    "import": "import a model from a local folder",
    "assign": "serve a model on a device",
    "unassign": "stop serving a model on a device",
    "run": "chat with a served model in the terminal",
    "launch": "start a coding agent or chat program on a served model",
    "ps": "list loaded models",
    "status": "show devices and their state",
    "open": "open the page in the browser",
    "logs": "show a log",
    "restart": "restart the servers of devices",
    "stop": "stop the suite",
    "completion": "print a completion script for a shell",
    "update": "install another version of the suite",
    "service": "start the suite whenever this user logs on",
    "gateway": "switch the gateway (one address for all devices) on or off",
    "tune": "measure with which settings a model is fastest",
    "bench": "measure a model's speed, or compare two measurements",
    "keys": "manage API keys",
    "doctor": "check what keeps this machine from serving well",
}
_AS_WRITTEN = argparse.RawDescriptionHelpFormatter
_Adder = Callable[[str], argparse.ArgumentParser]
ASK = "__complete"
"""The hidden command: `main.py __complete WORD…` prints what may stand for the last word, one a line."""
EXIT_CODES = """exit codes:
  0    done                             5    the hub or a server could not be reached
  1    failed, or a problem was found   6    a licence or token is required
  2    wrong usage                      7    the disk is full
  3    not found                        130  interrupted
  4    in use, or in conflict with another operation"""


def suite_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{width}}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Serve language models on the GPU, NPU and CPU of this PC, with a page to manage them.",
        epilog=f"commands (see main.py COMMAND --help):\n{commands}",
        formatter_class=_AS_WRITTEN,
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=PROJECT,
        metavar="DIR",
        help="folder of device_config.json, models, caches and logs (default: the project folder)",
    )
    parser.add_argument("--host", help="address to listen on (default: this machine only, or as switched on the page)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"port of the page (default: {DEFAULT_PORT})")
    parser.add_argument("--no-devices", action="store_true", help="serve the page without device servers")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve over TLS: certificate and chain, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's private key, PEM")
    parser.add_argument("--log-level", choices=_LOG_LEVELS, default="info")
    parser.add_argument("--version", action="version", version=__version__)
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
        command.add_argument(
            "--data-dir", type=Path, default=PROJECT, metavar="DIR", help="default: the project folder"
        )
        command.add_argument("--url", help="admin server to use (default: the one running on the data directory)")
        command.add_argument("--json", action="store_true", help="print one JSON document")
        command.add_argument("--version", action="version", version=__version__)
        return command

    _add_model_commands(add)
    _add_device_commands(add)
    add_using_commands(add)
    add_suite_commands(add)
    return parser


def parse_command(arguments: Sequence[str]) -> argparse.Namespace:
    """What follows `--` is for the client that `launch` starts, or the suite that `service` does."""
    parser = command_parser()
    passed: list[str] = []
    if arguments[:1] in (["launch"], ["service"]) and "--" in arguments:
        cut = arguments.index("--")
        arguments, passed = arguments[:cut], list(arguments[cut + 1 :])
    options, others = parser.parse_known_args(arguments)
    options.arguments = passed
    if others:
        # argparse gives a list of words up at the first option behind it.
        if not hasattr(options, "prompt") or any(each.startswith("-") for each in others):
            parser.error(f"unrecognized arguments: {' '.join(others)}")
        options.prompt += others
    return options


def _add_model_commands(add: _Adder) -> None:
    pull = add("pull")
    pull.add_argument("model", help="organisation/name; for one file of a GGUF repository: organisation/name:Q8_0")
    pull.add_argument("--revision", help="branch, tag or commit (default: the hub's default branch)")
    pull.add_argument("--detach", action="store_true", help="return immediately; the running server continues")
    _add_convert(add("convert"))
    add("list")
    search = add("search")
    search.add_argument("query", nargs="?", default="", help="words in the model ID")
    search.add_argument("--recommended", action="store_true", help="recommend models for the devices of this PC")
    add("show").add_argument("model")
    remove = add("rm")
    remove.add_argument("model")
    remove.add_argument("--force", action="store_true", help="unassign it from all devices first")
    add("verify").add_argument("model")
    importing = add("import")
    importing.add_argument("folder", type=Path, help="a folder with a model, or a GGUF file")
    importing.add_argument("--id", metavar="ORG/NAME", help="model ID (default: from the folder's name)")
    importing.add_argument("--reference", action="store_true", help="use the files where they are")


def _add_convert(convert: argparse.ArgumentParser) -> None:
    convert.add_argument("source", nargs="?", help="organisation/name on the hub, or a local folder with safetensors")
    convert.add_argument("--device", choices=("gpu", "npu", "cpu"), default="gpu", help="device to convert for")
    convert.add_argument(
        "--weights",
        choices=("int4", "int8", "fp16"),
        help="weight format (default: int4; for embedding models, rerankers and Whisper int8, on an NPU fp16)",
    )
    convert.add_argument("--revision", help="branch, tag or commit (default: the hub's default branch)")
    convert.add_argument(
        "--id", metavar="ORG/NAME", help="model ID of the result (default: the source's, with -int4-ov)"
    )
    convert.add_argument("--adapter", metavar="SOURCE", help="LoRA adapter to merge: organisation/name or a folder")
    convert.add_argument(
        "--trust-remote-code", action="store_true", help="allow Python code from the model's repository to run"
    )
    convert.add_argument("--detach", action="store_true", help="return immediately; the running server continues")
    convert.add_argument("--remove-converter", action="store_true", help="delete the converter's environment instead")


def _add_device_commands(add: _Adder) -> None:
    assign = add("assign")
    assign.add_argument("model")
    assign.add_argument("device", help="device name in device_config.json: gpu, npu, …")
    assign.add_argument("--preload", type=_count, metavar="N", help="instances to load at startup")
    assign.add_argument("--max-concurrent", type=_count, metavar="N", help="maximum number of concurrent requests")
    assign.add_argument(
        "--idle-timeout", type=float, metavar="SECONDS", help="unload after this much idle time; -1: stay loaded"
    )
    unassign = add("unassign")
    unassign.add_argument("model")
    unassign.add_argument("device")
    tune = add("tune")
    tune.add_argument("model")
    tune.add_argument("--device", default="gpu", help="device name in device_config.json (default: gpu)")
    tune.add_argument(
        "--for",
        dest="work",
        choices=("chat", "code", "agent"),
        default="chat",
        help="kind of work (default: chat)",
    )
    bench = add("bench")
    bench.add_argument(
        "model", nargs="*", metavar="MODEL", help="a model (default: the device's first), or: compare A.json B.json"
    )
    bench.add_argument("--device", default="gpu", help="device name in device_config.json (default: gpu)")
    bench.add_argument("--quick", action="store_true", help="prompts of 128 and 512 tokens, 1 and 8 streams only")
    bench.add_argument("--output", type=Path, metavar="FILE", help="write the measurement to FILE, for compare")
    keys = add("keys")
    keys.add_argument("action", choices=("create", "list", "revoke"))
    keys.add_argument("name", nargs="?", help="create: who or what the key is for; revoke: its name or ID")
    keys.add_argument(
        "--scope",
        action="append",
        choices=("inference", "admin"),
        help="scope of a new key; repeat for both (default: inference; both for the first key)",
    )
    gateway = add("gateway")
    gateway.add_argument("action", choices=("on", "off", "show", "purposes"))
    gateway.add_argument(
        "--host", metavar="ADDRESS", help="address to listen on (initially 127.0.0.1: this machine only)"
    )
    gateway.add_argument("--replace", action="store_true", help="purposes: also set aliases that are there already")
    gateway.add_argument("--dry-run", action="store_true", help="purposes: only show what would be chosen")
    gateway.add_argument("--port", type=_port, help="initially 11434, the default of Ollama clients")
    add("ps")
    add("status")
    doctor = add("doctor")
    doctor.add_argument("--lang", choices=("en", "zh-TW"), help="output language (default: the system's)")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("must be a number from 1 to 65535; 0 picks a free port")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("must be 0 or greater")
    return count
