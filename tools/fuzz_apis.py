"""Throws thousands of generated requests at every route of both apps: `python -m tools.fuzz_apis [--examples 150]`.

Both run here with test models and a hub of their own; a request that is answered with 500, or not at all, is a finding.
Statuses 502 and 503 are none: they say that the hub, a device or memory is not there. Exit status 1 where there are
findings, each printed with a command that reproduces it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from keys.key_store import KEYS_FILE, KeyStore
from tests.admin.site import LiveSite, make_site
from tests.apis.conftest import make_app
from tests.apis.servers import Script, serving

_SETTINGS = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "502", "503"]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=150, help="of each route in the fuzzing phase")
    parser.add_argument("--seed", type=int, help="to repeat a run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        device_dir, admin_dir = Path(folder, "device"), Path(folder, "admin")
        admin_dir.mkdir()
        device_dir.mkdir()
        key = KeyStore(admin_dir / KEYS_FILE).create("fuzzer", ["admin"])[1]
        with (
            serving(make_app(device_dir, Script().instance_maker())) as device,
            LiveSite(make_site(admin_dir)) as admin,
        ):
            return _fuzz(device, options, Path(folder)) | _fuzz(admin.url, options, Path(folder), key)


def _fuzz(url: str, options: argparse.Namespace, folder: Path, key: str | None = None) -> int:
    settings = folder / "schemathesis.toml"
    settings.write_text(_SETTINGS, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(settings)]
    command += ["run", f"{url}/openapi.json", "--url", url, "-c", "not_a_server_error", "-n", str(options.examples)]
    command += ["--request-timeout", "60", "--continue-on-failure"]
    command += ["--exclude-path", "/api/hub"]  # an address that cannot be parsed, given back, ends the tool itself
    if key:
        command += ["-H", f"Authorization: Bearer {key}"]
    if options.seed is not None:
        command += ["--seed", str(options.seed)]
    return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
