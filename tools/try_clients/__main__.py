"""Try clients for real: python tools/try_clients [NAME …] --environments DIR

Makes an environment for each client below DIR, installs the client from its registry, starts a device server on a
free port and lets the client do its tasks. Prints what was tried, in which version, and what came of it; see
docs/clients.md. Needs what the tests need, and for JavaScript's Node.js 20.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from server import running_server  # noqa: E402


@dataclass(frozen=True)
class Client:
    """`packages` are pip's, in the order of their installation, or npm's."""

    script: str
    packages: tuple[str, ...]
    npm: bool = False


CLIENTS = {
    "langchain": Client("langchain_client.py", ("langchain-openai langchain-ollama langchain-anthropic",)),
    "langchain-js": Client(
        "langchain_js.mjs", ("@langchain/core", "@langchain/openai", "@langchain/ollama", "zod"), npm=True
    ),
    "litellm": Client("litellm_client.py", ("litellm mcp",)),  # its tool calls import mcp
    "llm": Client("llm_client.py", ("llm llm-ollama",)),
    # Installed first, PyTorch's build for CPUs keeps the much larger ones away.
    "open-webui": Client("open_webui_client.py", ("torch==2.13.0", "open-webui playwright")),
    "agents": Client(
        "agents.py",
        (
            "@anthropic-ai/claude-code",
            "@continuedev/cli",
            "opencode-ai",
            "cline",
            "@openai/codex",
            "@github/copilot",
        ),
        npm=True,
    ),
}


NOTHING = {"seconds": 0, "requests": 0, "tokens": 0}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CLIENTS)}; default: all")
    arguments.add_argument("--environments", type=Path, required=True, help="folder of the clients' environments")
    options = arguments.parse_args()
    unknown = set(options.names) - set(CLIENTS)
    if unknown:
        arguments.error(f"unknown: {', '.join(sorted(unknown))}")
    failed = 0
    with tempfile.TemporaryDirectory() as data_dir, running_server(Path(data_dir)) as server:
        for name in options.names or CLIENTS:
            client = CLIENTS[name]
            program = install(client, options.environments.resolve() / name)
            failed += report(name, try_out(client, program, server))
    return 1 if failed else 0


def install(client: Client, folder: Path) -> list[str]:
    """The beginning of the command that runs the client's script. What is installed already stays."""
    if client.npm:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "node_modules").is_dir():
            subprocess.run(
                [
                    shutil.which("npm") or "npm",
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                    folder,
                    *client.packages,
                ],
                check=True,
            )
        if client.script.endswith(".mjs"):  # Node.js looks for packages beside the script
            return [shutil.which("node") or "node", str(shutil.copy(HERE / client.script, folder))]
        return [sys.executable, str(HERE / client.script), str(folder / "node_modules" / ".bin")]
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = folder / "complete"
    if not complete.exists():
        venv.create(folder, with_pip=True)
        for packages in client.packages:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages.split()], check=True)
        complete.touch()
    return [str(python), str(HERE / client.script)]


def try_out(client: Client, command: list[str], server: dict[str, Any]) -> dict[str, Any]:
    environment = {**os.environ, "SERVER": json.dumps(server), "NO_PROXY": "127.0.0.1,localhost"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return {"versions": {}, "results": {client.script: {"error": f"exit status {done.returncode}", **NOTHING}}}
    return json.loads(done.stdout.splitlines()[-1])


def report(name: str, tried: dict[str, Any]) -> int:
    """Prints it; the number of failures."""
    versions = ", ".join(f"{package} {version}" for package, version in tried["versions"].items())
    results = tried["results"]
    failures = {task: result for task, result in results.items() if result["error"]}
    print(f"\n{name} ({versions}): {len(results) - len(failures)} of {len(results)}")
    for task, result in results.items():
        figures = f"{result['seconds']:6.1f} s {result['requests']:4} requests {result['tokens']:7,} prompt tokens"
        print(f"  {'failed' if task in failures else 'ok':6} {figures}  {task}")
    for task, result in failures.items():
        print(f"\n{task}\n{result['error']}")
    return len(failures)


if __name__ == "__main__":
    sys.exit(main())
