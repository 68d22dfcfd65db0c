"""Throws tens of thousands of generated requests at both apps: `python -m tools.fuzz_apis [--examples 250]`.

The whole suite is started in a folder of its own, with small models, a hub of its own and keys; schemathesis, with a
valid key of the scope admin, goes through all of its phases (examples, coverage, fuzzing, stateful) with both documents
at the same time. Printed: cases by app and phase, statuses, server errors that are documented
(502 and 503 say what is not there), what was left out, findings. Exit status 1 where there are findings.

Three checks are left out. positive_data_acceptance: a schema cannot say which models there are, how long their context
is, or that two fields exclude one another. negative_data_rejection: unknown fields are ignored on purpose, as the
servers whose APIs these are do, and paths take any text. object_level_authorization: all keys
of one scope may do the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from keys.key_store import KEYS_FILE, KeyStore
from tests.admin.site import add_model
from tests.apis.servers import CHAT, EMBEDDING, MODELS, RERANKER
from tests.hub import TestHub
from tests.support.launch_suite import SuiteProcess, suite_process

SERVED = (CHAT, EMBEDDING, RERANKER)
PULLABLE = "tiny/pullable"
_LEFT_OUT = ("positive_data_acceptance", "negative_data_rejection", "object_level_authorization")
_PROJECT = Path(__file__).resolve().parent.parent
_SETTINGS = """
hooks = "tools.fuzz_hooks"
request-timeout = 60
max-stream-events = 10000

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 502, 503, 507]

[generation]
with-security-parameters = false

[dictionaries.models]
values = [{models}]

[dictionaries.devices]
values = ["gpu", "npu"]

[parameters]
"body.model" = {{ dictionary = "models", probability = 0.8 }}
"body.name" = {{ dictionary = "models", probability = 0.3 }}
"body.source" = {{ dictionary = "models", probability = 0.8 }}
"body.from" = {{ dictionary = "models", probability = 0.8 }}
"body.model_id" = {{ dictionary = "models", probability = 0.5 }}
"body.device" = {{ dictionary = "devices", probability = 0.8 }}
"path.model_id" = {{ dictionary = "models", probability = 0.7 }}
"path.device" = {{ dictionary = "devices", probability = 0.7 }}
"query.model" = {{ dictionary = "models", probability = 0.7 }}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=250, help="of each route in the fuzzing phase")
    parser.add_argument("--seed", type=int, help="to repeat a run")
    parser.add_argument("--only", choices=("device", "admin"), help="one of the two documents")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, TestHub() as hub:
        hub.add_model(PULLABLE, MODELS / "test_chat")
        data_dir = Path(folder, "data")
        data_dir.mkdir()
        key, secret = KeyStore(data_dir / KEYS_FILE).create("fuzzer", ["admin"])
        for model in SERVED:
            add_model(data_dir / "models", model, MODELS / model.replace("/", "_"))
        known = {"own_key": [key.id, key.name], "models": SERVED, "hub": hub.url}
        with suite_process(data_dir, environment={"HF_ENDPOINT": hub.url}, key=secret) as suite:
            _serve(suite)
            urls = {"device": suite.device_url("gpu"), "admin": suite.url}
            runs = [
                _Run(app, url, Path(folder, app), known, secret)
                for app, url in urls.items()
                if options.only in (None, app)
            ]
            # Beside one another: schemathesis' own threads are of no use, Python 3.11's parser fails in them.
            with ThreadPoolExecutor() as threads:
                told = list(threads.map(lambda run: run.go(options), runs))
    cases = sum(run["cases"] for run in told)
    findings = sum(run["findings"] for run in told)
    print(f"== {cases} cases, {findings} findings ==")
    return 1 if findings or not cases else 0


def _serve(suite: SuiteProcess) -> None:
    """Short answers, so that there is time for many."""
    models = [{"id": model, "parameters": {"max_tokens": 8}} for model in SERVED]
    body = {"device": "gpu", "enabled": True, "models": models}
    suite.client.post(f"{suite.url}/api/update_config", json=body).raise_for_status()
    deadline = time.monotonic() + 300
    while suite.device("gpu")["state"] != "running" or suite.chat("gpu", CHAT, "hello").is_error:
        if time.monotonic() > deadline:
            raise TimeoutError("the device's server does not answer")
        time.sleep(0.5)


class _Run:
    """Schemathesis over one app's document, in a process of its own."""

    def __init__(self, app: str, url: str, folder: Path, known: dict[str, Any], secret: str) -> None:
        self._app = app
        self._url = url
        self._folder = folder
        self._secret = secret
        folder.mkdir()
        names = [*known["models"], *(f"gpu-{model}" for model in known["models"]), PULLABLE]
        settings = _SETTINGS.format(models=", ".join(map(json.dumps, names)))
        (folder / "schemathesis.toml").write_text(settings, encoding="utf-8")
        self._tally = folder / "tally.json"
        document = {**known, "tally": str(self._tally)}
        (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")

    def go(self, options: argparse.Namespace) -> dict[str, int]:
        report = self._folder / "report.json"
        command = [str(Path(sys.executable).with_name("schemathesis"))]
        command += ["--config-file", str(self._folder / "schemathesis.toml"), "run", f"{self._url}/openapi.json"]
        command += ["--url", self._url, "-H", f"Authorization: Bearer {self._secret}", "--continue-on-failure"]
        command += ["--phases", options.phases, "-n", str(options.examples)]
        command += ["--exclude-checks", ",".join(_LEFT_OUT), "--report-json-path", str(report), "--no-color"]
        command += ["--suppress-health-check", "all", "--warnings", "off", "--generation-database", "none"]
        if options.seed is not None:
            command += ["--seed", str(options.seed)]
        environment = {**os.environ, "FUZZ_RUN": str(self._folder / "run.json"), "PYTHONPATH": str(_PROJECT)}
        began = time.monotonic()
        ran = subprocess.run(
            command, cwd=self._folder, env=environment, check=False, capture_output=True, encoding="utf-8"
        )
        print(ran.stdout, ran.stderr, flush=True)
        return self._told(json.loads(report.read_text(encoding="utf-8")), time.monotonic() - began)

    def _told(self, report: dict[str, Any], seconds: float) -> dict[str, int]:
        tally = json.loads(self._tally.read_text(encoding="utf-8"))
        cases = sum(tally["phases"].values())
        findings = report["test_cases"]["unique_failures"] + len(report["errors"])
        statuses: Counter[str] = Counter()
        for answered, count in tally["answered"].items():
            statuses[answered[:3]] += count
        print(f"-- {self._app}: {cases} cases in {seconds:.0f} s, {findings} findings")
        print(f"   by phase: {_counts(tally['phases'])}")
        print(f"   by status: {_counts(statuses)}")
        errors = {answered: count for answered, count in tally["answered"].items() if answered.startswith("5")}
        print(f"   server errors, documented: {_counts(errors) or 'none'}")
        print(f"   left out: {_counts(tally['left_out']) or 'nothing'}", flush=True)
        return {"cases": cases, "findings": findings}


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


if __name__ == "__main__":
    sys.exit(main())
