"""Starting the whole suite, as `python main.py` does, in a data directory of its own."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from configuration.device_config import ConfigStore, Configuration, DeviceSettings
from configuration.gateway_config import GATEWAY_FILE, GatewaySettings, GatewayStore
from tests.support.launch import PATIENCE_SECONDS, PROJECT
from tests.support.ports import free_ports


class SuiteProcess:
    """`url` is the admin page's address, `ports` the devices' ports; `client` has what it takes to be let in.
    `gateway_url`: empty where it is off."""

    def __init__(
        self,
        url: str,
        ports: dict[str, int],
        process: subprocess.Popen[str],
        client: httpx.Client,
        *,
        gateway_url: str = "",
    ) -> None:
        self.url = url
        self.gateway_url = gateway_url
        self.ports = ports
        self.process = process
        self.client = client

    def device_url(self, device: str) -> str:
        return f"{self.url.partition(':')[0]}://127.0.0.1:{self.ports[device]}"

    def assign(self, device: str, models: list[str]) -> None:
        """Have a device offer just these models; it is being restarted when this returns."""
        body = {"device": device, "enabled": True, "models": models}
        self._request("POST", f"{self.url}/api/update_config", json=body)

    def device(self, name: str) -> dict[str, Any]:
        """What the admin says of a device."""
        devices = self._request("GET", f"{self.url}/api/status")["devices"]
        return next(device for device in devices if device["name"] == name)

    def health(self, device: str) -> dict[str, Any]:
        """What a device's server says of itself."""
        return self._request("GET", f"{self.device_url(device)}/health")

    def chat(self, device: str, model_id: str, text: str) -> httpx.Response:
        """One greedy answer over the OpenAI API of a device."""
        messages = [{"role": "user", "content": text}]
        body = {"model": f"{device}-{model_id}", "messages": messages, "temperature": 0}
        return self.client.post(f"{self.device_url(device)}/v1/chat/completions", json=body)

    def _request(self, method: str, url: str, **options: Any) -> Any:
        return self.client.request(method, url, **options).raise_for_status().json()


@contextmanager
def suite_process(
    data_dir: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    key: str | None = None,
    verify: ssl.SSLContext | bool = True,
    gateway: bool = False,
) -> Iterator[SuiteProcess]:
    """Runs the suite with both devices and no model assigned, on free ports; all of it has ended afterwards. `gateway`:
    it is switched on.

    `options` go to main.py. `environment`: variables to add. `key`: the caller's API key; `verify`: the certificates
    that it trusts.
    """
    *device_ports, gateway_port = free_ports(3)
    ports: dict[str, int] = dict(zip(("gpu", "npu"), device_ports, strict=True))
    devices = {name: DeviceSettings(port=port, device=name.upper()) for name, port in ports.items()}
    ConfigStore(data_dir / "device_config.json").save(Configuration(devices=devices))
    if gateway:
        settings = GatewaySettings(enabled=True, port=gateway_port)
        GatewayStore(data_dir / GATEWAY_FILE).change(lambda _: settings)
    with (data_dir / "main.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "main.py", "--data-dir", str(data_dir), "--port", "0", *options],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            env={**os.environ, "PYTHONUTF8": "1", **(environment or {})},
        )
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    client = httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False, headers=headers, verify=verify)
    try:
        url = _page_address(process)
        way = f"{url.partition(':')[0]}://127.0.0.1:{gateway_port}" if gateway else ""
        yield SuiteProcess(url, ports, process, client, gateway_url=way)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
        client.close()


def _page_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        if "manage" in line:
            address = line.split()[-1]
        if "Ctrl-C" in line:
            return address
    raise RuntimeError("The suite did not start.")
