from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from devices.config import ConfigStore, Configuration, DeviceSettings
from tests.admin.browser import chromium
from tests.helpers import free_port, wait_until

PROJECT = Path(__file__).resolve().parents[2]
MODEL = "demo/server-guide"
PATIENCE_SECONDS = 60


class RealSuite:
    """`python main.py` with the real device servers, on ports of its own, in a data directory of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.ports = {name: free_port() for name in ("gpu", "npu")}
        devices = {name: DeviceSettings(port=port, device=name.upper()) for name, port in self.ports.items()}
        ConfigStore(data_dir / "device_config.json").save(Configuration(devices=devices))
        self._process = subprocess.Popen(
            [sys.executable, "main.py", "--data-dir", str(data_dir), "--port", "0"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(data_dir / "main.log").open("w", encoding="utf-8"),
            encoding="utf-8",
            env={**os.environ, "PYTHONUTF8": "1"},
        )
        assert self._process.stdout is not None
        banner: list[str] = []
        for line in self._process.stdout:
            banner.append(line)
            if "Ctrl-C" in line:
                break
        self.url = next(line.split()[-1] for line in banner if "manage" in line)

    def chat(self, device: str, text: str) -> httpx.Response:
        """One answer over the OpenAI API of a device."""
        messages = [{"role": "user", "content": text}]
        body = {"model": f"{device}-{MODEL}", "messages": messages, "max_tokens": 64, "temperature": 0}
        url = f"http://127.0.0.1:{self.ports[device]}/v1/chat/completions"
        return httpx.post(url, json=body, timeout=PATIENCE_SECONDS, trust_env=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def assign(self, device: str, models: list[str], *, wait: bool = True) -> None:
        """Have a device offer just these models; with `wait`, until it runs."""
        body = {"device": device, "enabled": True, "models": models}
        httpx.post(f"{self.url}/api/update_config", json=body, timeout=PATIENCE_SECONDS).raise_for_status()
        if wait:
            wait_until(lambda: self.device(device)["state"] == "running")

    def device(self, name: str) -> dict[str, Any]:
        """What the admin says of a device."""
        status = httpx.get(f"{self.url}/api/status", timeout=PATIENCE_SECONDS).raise_for_status().json()
        return next(device for device in status["devices"] if device["name"] == name)

    def health(self, device: str) -> dict[str, Any]:
        """What a device's server says of itself."""
        url = f"http://127.0.0.1:{self.ports[device]}/health"
        return httpx.get(url, timeout=PATIENCE_SECONDS).raise_for_status().json()

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[RealSuite]:
    data_dir = tmp_path / "資料 夾"
    data_dir.mkdir()
    suite = RealSuite(data_dir)
    yield suite
    suite.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
