"""Try `launch` with the real clients: python tools/try_launch.py FOLDER… [--only CLIENT …]

FOLDERs are put on the PATH: where the clients' commands lie, such as node_modules/.bin. Starts the suite with the demo
model, stretched to a long context, in a folder of its own. Each client that is found is started by `launch`; then its
configuration is written beside settings that it has already, it is started by itself, and its configuration is undone.
Each has to show an answer, and its file has to be as before. Prints what came of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from clients.agents import AGENTS  # noqa: E402
from clients.places import Places  # noqa: E402
from clients.target import Target  # noqa: E402
from tests.helpers import wait_until  # noqa: E402
from tests.support.launch import DEMO_MODEL  # noqa: E402
from tests.support.launch_suite import SuiteProcess, suite_process  # noqa: E402

CONTEXT_TOKENS = 131_072
LONG = "demo/long"
QUESTION = "What is the port of the NPU?"
SECONDS = 300
NOWHERE = "http://127.0.0.1:9"
"""For all but the suite's own address: what asks the network is refused at once."""

ARGUMENTS = {
    "claude": ["-p", QUESTION],
    "codex": ["exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", QUESTION],
    "opencode": ["run", QUESTION],
    "copilot": ["--allow-all-tools", "-p", QUESTION],
    "continue": ["-p", QUESTION],
    "cline": ["--json", QUESTION],
    "aider": ["--no-git", "--yes-always", "--no-stream", "--no-pretty", "--no-check-update", "--message", QUESTION],
}
EXISTING = {
    "claude": '{\n  "permissions": {"allow": ["Bash(ls:*)"]},\n  "env": {"FOO": "1"}\n}\n',
    "codex": '# mine\nmodel = "gpt-5" # keep me\napproval_policy = "never"\n\n[tui]\nnotifications = false # no\n',
    "opencode": (
        '{\n  "$schema": "https://opencode.ai/config.json",\n  // mine\n  "autoupdate": false,\n'
        '  "share": "disabled", /* no */\n}\n'
    ),
    "continue": "name: Mine\nversion: 1.0.0\nschema: v1\n# of mine\nmodels: []\nrules:\n  - be brief # yes\n",
    "cline": '{\n  "version": 1,\n  "modes": {},\n  "providers": {}\n}',
    "aider": "# mine\nauto-commits: false\ngitignore: false\nanalytics: false\ncheck-update: false\n",
}


@dataclass(frozen=True)
class Trial:
    """One client in a home folder of its own."""

    name: str
    home: Path
    suite: SuiteProcess
    data_dir: Path

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        (self.home / "work").mkdir(parents=True, exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC", "OPENAI"))
        }
        environment |= {"HOME": str(self.home), "USERPROFILE": str(self.home), "CONTINUE_TELEMETRY_ENABLED": "0"}
        environment |= {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}
        environment |= {"XDG_CONFIG_HOME": str(self.home / ".config"), "IS_SANDBOX": "1"}
        return subprocess.run(
            words,
            cwd=self.home / "work",
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )

    def launch(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROJECT / "main.py"), "launch", self.name, "--data-dir", str(self.data_dir)]
        return self.command(*command, *words)

    def asked(self) -> int:
        """How many requests have ended well."""
        ended = self.suite.client.get(f"{self.suite.url}/api/activity", params={"limit": 2000}).json()["ended"]
        return sum(each["status"] == 200 and each["generated_tokens"] > 0 for each in ended)

    def answers(self, what: str, ask: subprocess.CompletedProcess[str], before: int) -> None:
        wait_until(lambda: self.asked() > before)
        if ask.returncode != 0 or not ask.stdout.strip():
            raise AssertionError(f"{what}: exit status {ask.returncode}\n{ask.stdout[-1500:]}\n{ask.stderr[-1500:]}")

    def run(self) -> None:
        before = self.asked()
        self.answers("launched", self.launch("--model", LONG, "--", *ARGUMENTS[self.name]), before)
        agent = AGENTS[self.name]
        if not agent.takes_files:
            return
        places = Places(self.home, {"XDG_CONFIG_HOME": str(self.home / ".config")}, os.name == "nt")
        path = agent.files(Target("", ""), places)[0].path
        if self.name == "opencode":
            path = path.with_suffix(".jsonc")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(EXISTING[self.name].encode("utf-8"))
        self._ended_well(self.launch("--model", LONG, "--write"))
        before = self.asked()
        self.answers("by itself", self.command(str(shutil.which(agent.program)), *ARGUMENTS[self.name]), before)
        self._ended_well(self.launch("--undo"))
        if path.read_bytes() != EXISTING[self.name].encode("utf-8"):
            raise AssertionError(f"{path} is not as before:\n{path.read_text(encoding='utf-8')}")

    def _ended_well(self, done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode != 0:
            raise AssertionError(done.stderr)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    arguments.add_argument("--only", nargs="+", choices=ARGUMENTS, default=list(ARGUMENTS), metavar="CLIENT")
    options = arguments.parse_args()
    os.environ["PATH"] = os.pathsep.join([*(str(folder.resolve()) for folder in options.folders), os.environ["PATH"]])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder, "data")
        stretched(data_dir / "models" / LONG.replace("/", "_"))
        with suite_process(data_dir) as suite:
            suite.assign("gpu", [LONG])
            wait_until(lambda: suite.device("gpu")["state"] == "running")
            for name in options.only:
                failed += try_out(Trial(name, Path(folder, "homes", name), suite, data_dir))
    return 1 if failed else 0


def try_out(trial: Trial) -> int:
    """Prints it; whether it failed."""
    if shutil.which(AGENTS[trial.name].program) is None:
        print(f"  not found  {trial.name}", flush=True)
        return 0
    began = time.monotonic()
    try:
        trial.run()
    except (AssertionError, subprocess.TimeoutExpired) as error:
        print(f"  failed     {trial.name}\n{error}", flush=True)
        return 1
    print(f"  ok         {trial.name}  {time.monotonic() - began:.0f} s", flush=True)
    return 0


def stretched(directory: Path) -> None:
    """A copy of the demo model that takes long prompts, which it does not understand."""
    shutil.copytree(DEMO_MODEL, directory)
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"max_position_embeddings": CONTEXT_TOKENS}
    path.write_text(json.dumps(config), encoding="utf-8")
    metadata = {"model_id": LONG, "revision": "main", "commit": "0" * 40, "downloaded_at": "2026-01-01T12:00:00Z"}
    (directory / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
