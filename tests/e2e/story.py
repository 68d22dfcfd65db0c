"""A rough day of a whole suite: secrets are used, refused and mistyped, paths lead out, processes die."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from tests.helpers import PATIENCE, wait_until
from tests.hub import TestHub
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import SuiteProcess

MODEL, GATED, HOSTILE = "org/open", "org/gated", "evil/escape"
PROMPT = "canary-in-the-prompt"
SCHEMA = {"type": "objekt", "description": PROMPT}
NEEDLE = "needle-in-the-path"
WAYS_OUT = (
    f"../{NEEDLE}",
    f"a/../../../{NEEDLE}",
    f"..\\..\\{NEEDLE}",
    f"/{NEEDLE}",
    f"a/{NEEDLE}\0.json",
)
ADMIN_LOOKS = (
    *("/metrics", "/api/status", "/api/config", "/api/activity", "/api/keys", "/api/hub", "/api/pull_jobs"),
    *("/api/logs/gpu?lines=5000", "/logs/gpu/download", "/settings", "/openapi.json", "/api/local_models"),
)
HOSTILE_FILES = (f"../../{NEEDLE}.json", f"/{NEEDLE}.json", f"C:\\{NEEDLE}.json", f"x/{NEEDLE}\0.json", "nul.json")


@dataclass(frozen=True)
class Secrets:
    """`environment`: of the process that starts the suite, by variable. The hub takes `hub_token` only."""

    admin: str
    inference: str
    revoked: str
    hub_token: str
    stale_token: str
    proxy_password: str
    environment: dict[str, str]

    def all(self) -> dict[str, str]:
        own = ("admin", "inference", "revoked", "hub_token", "stale_token", "proxy_password")
        return {name: getattr(self, name) for name in own} | self.environment


class Day:
    """`client` has the admin key in its headers, `stranger` nothing."""

    def __init__(
        self, suite: SuiteProcess, data_dir: Path, hub: TestHub, secrets: Secrets, stranger: httpx.Client
    ) -> None:
        self.streamed = ""
        self._suite = suite
        self._data_dir = data_dir
        self._hub = hub
        self._secrets = secrets
        self._client = suite.client
        self._stranger = stranger
        self._device = suite.device_url("gpu")

    def pull(self) -> None:
        """With tokens that fit and that do not, from a hub that fails, and from one that wants to break in."""
        self._hub_is(self._secrets.hub_token)
        assert self._pulled(GATED)["state"] == "ready"
        self._hub.faults.answer("api", [500])
        assert self._pulled(MODEL)["state"] == "failed"
        assert self._pulled("org/missing")["state"] == "failed"
        self._hub_is(self._secrets.stale_token)
        assert self._pulled(MODEL)["state"] == "ready"
        assert self._pulled("org/private")["state"] == "failed"
        assert self._pulled(HOSTILE)["state"] == "failed"
        self._hub_is("two words")
        self._post(self._suite.url, "/api/hub", {"endpoint": f"http://me:{self._secrets.hub_token}@127.0.0.1"})
        self._hub_is(self._secrets.hub_token)
        self._post(self._suite.url, "/api/hub/check", {})

    def be_refused(self) -> None:
        """Keys in every place that they do not belong to, and sessions."""
        wrong = (self._secrets.revoked, self._secrets.inference, self._secrets.admin[:-1] + "~")
        for url, path in ((self._suite.url, "/api/status"), (self._device, "/activity"), (self._device, "/v1/models")):
            for key in wrong:
                self._stranger.get(url + path, headers={"Authorization": f"Bearer {key}"})
                self._stranger.get(url + path, headers={"x-api-key": key})
            self._stranger.get(url + path, params={"api_key": self._secrets.admin, "key": self._secrets.admin})
            self._stranger.get(url + path, headers={"Authorization": f"Basic {self._secrets.admin}"})
        for key in wrong:
            self._stranger.post(f"{self._suite.url}/login", data={"key": key, "next": "/models"})

    def log_in(self) -> str:
        """The session's cookie."""
        answer = self._stranger.post(f"{self._suite.url}/login", data={"key": self._secrets.admin, "next": "/settings"})
        cookie = answer.cookies["openvino_session"]
        for path in ("/", "/models", "/settings", "/logs", "/doctor", "/connect", "/api/keys", "/api/nowhere"):
            self._stranger.get(self._suite.url + path)
        self._stranger.cookies.clear()
        return cookie

    def ask(self) -> None:
        """What works and what does not, over all APIs, always with the same words."""
        say: list[dict[str, Any]] = [{"role": "user", "content": f"{PROMPT} What is a model server?"}]
        model = f"gpu-{DEMO_ID}"
        for change in (
            {},
            {"stream": True},
            {"temperature": "hot"},
            {"model": "gpu-org/unknown"},
            {"messages": [{"role": "user", "content": PROMPT * 50_000}]},
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PROMPT}}]}]},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
            {"stop": [PROMPT], "user": PROMPT, "tools": [{"type": "function", "function": {"name": PROMPT}}]},
        ):
            body = {"model": model, "messages": say, "max_tokens": 8, **change}
            self._post(self._device, "/v1/chat/completions", body)
        self._post(self._device, "/v1/messages", {"model": model, "max_tokens": 8, "messages": say})
        self._post(self._device, "/api/chat", {"model": model, "messages": say, "stream": False})
        self._post(self._device, "/api/generate", {"model": model, "prompt": PROMPT, "options": {"num_predict": 4}})
        self._post(self._suite.url, "/api/playground/gpu", {"model": model, "messages": say, "max_tokens": 4})
        self._client.post(f"{self._device}/v1/chat/completions", content=f'{{"model": "{PROMPT}')
        self._client.post(
            f"{self._device}/v1/responses", json={"model": model, "input": PROMPT, "max_output_tokens": 4}
        )

    def go_astray(self) -> None:
        """Each name that becomes a path, with each way out."""
        for way in WAYS_OUT:
            for path, body in _admin_bodies(way):
                self._post(self._suite.url, path, body)
            for method, path in _admin_paths(way):
                self._client.request(method, self._suite.url + path)
            for method, path, body in _device_bodies(way):
                self._client.request(method, self._device + path, json=body)
            for method, path in _device_paths(way):
                self._client.request(method, self._device + path)

    def break_down(self) -> None:
        """A configuration that nobody can read, a server and a worker that are killed."""
        config = self._data_dir / "device_config.json"
        before = config.read_bytes()
        config.write_bytes(b'{"gpu": {"port": "x"')
        self._post(self._suite.url, "/api/update_config", {"device": "gpu", "enabled": True})
        self._client.get(f"{self._suite.url}/api/status")
        config.write_bytes(before)
        for name in ("instances.worker", "server_app"):
            for process in psutil.Process(self._suite.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # a helper's that has just ended
                    if name in process.cmdline():
                        process.kill()
                        process.wait(PATIENCE)  # while it dies it may still accept a connection, and lose it
                        break
        assert self._suite.chat("gpu", DEMO_ID, "hello").status_code == 200  # waits for the next server
        wait_until(lambda: sum(self._suite.device(name)["restarts"] for name in ("gpu", "npu")) == 1)

    def look(self) -> None:
        """Everything that tells something."""
        for path in ADMIN_LOOKS:
            self._client.get(self._suite.url + path)
        for path in ("/metrics", "/health", "/memory", "/activity", "/live", "/v1/models", "/api/ps", "/openapi.json"):
            self._client.get(self._device + path)
        for screen in ("overview", "models", "get", "activity", "logs&device=gpu"):
            with self._client.stream("GET", f"{self._suite.url}/api/events?screen={screen}") as response:
                seen = ""
                for piece in response.iter_text():
                    seen += piece
                    if "event: tick" in seen:
                        break
                self.streamed += seen

    def _hub_is(self, token: str) -> None:
        self._post(self._suite.url, "/api/hub", {"endpoint": self._hub.url, "token": token})

    def _pulled(self, model_id: str) -> dict[str, Any]:
        job = self._post(self._suite.url, "/api/pull_model", {"model_id": model_id}).json()["job"]
        ended: list[dict[str, Any]] = []

        def settled() -> bool:
            jobs = self._client.get(f"{self._suite.url}/api/pull_jobs").json()["jobs"]
            ended[:] = [each for each in jobs if each["id"] == job["id"] and each["state"] in ("ready", "failed")]
            return bool(ended)

        wait_until(settled)
        return ended[0]

    def _post(self, url: str, path: str, body: Any) -> httpx.Response:
        return self._client.post(url + path, content=json.dumps(body), headers={"Content-Type": "application/json"})


def _admin_bodies(way: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "/api/pull_model", {"model_id": way}
    yield "/api/pull_model", {"model_id": f"org/{way}"}
    yield "/api/pull_model", {"model_id": MODEL, "revision": way}
    yield "/api/import_model", {"path": "models", "model_id": way}
    yield "/api/devices/gpu/load", {"model": way}
    yield "/api/devices/gpu/unload", {"model": way}
    yield f"/api/devices/{quote(way, safe='')}/load", {"model": way}
    yield "/api/tune", {"device": way, "model": way}
    yield "/api/tune", {"device": "gpu", "model": way}
    yield "/api/update_config", {"device": way, "enabled": True}
    yield "/api/update_config", {"device": "npu", "models": [way]}
    yield "/api/update_config", {"device": "npu", "models": [{"id": MODEL, "path": way}]}
    yield "/api/update_config", {"device": "npu", "models": [{"id": MODEL, "extra_config": {"CACHE_DIR": way}}]}
    yield "/api/keys", {"name": way, "scopes": ["inference"]}


def _admin_paths(way: str) -> Iterator[tuple[str, str]]:
    for shown in {quote(way, safe=""), quote(way, safe="/\\:")}:
        for method, path in (
            ("DELETE", "/api/local_models/{}?force=true"),
            ("POST", "/api/verify_model/{}"),
            ("POST", "/api/check_update/{}"),
            ("DELETE", "/api/pull_jobs/{}"),
            ("DELETE", "/api/keys/{}"),
            ("DELETE", "/api/caches/{}"),
            ("GET", "/api/logs/{}"),
            ("GET", "/logs/{}/download"),
            ("GET", "/logs?device={}"),
            ("GET", "/activity/{}/1"),
            ("GET", "/static/{}"),
            ("GET", "/static/js/{}"),
            ("GET", "/{}"),
        ):
            yield method, path.format(shown)


def _device_bodies(way: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in ("/api/show", "/api/pull", "/api/generate", "/api/embed", "/api/push", "/v1/chat/completions"):
        yield "POST", path, {"model": way, "stream": False, "messages": [], "prompt": "", "input": ""}
    yield "DELETE", "/api/delete", {"model": way}
    yield "POST", "/api/copy", {"source": f"gpu-{DEMO_ID}", "destination": way}
    yield "POST", "/api/copy", {"source": way, "destination": "copy"}
    yield "POST", "/api/create", {"model": way, "from": f"gpu-{DEMO_ID}", "stream": False}
    yield "POST", "/api/create", {"model": "made", "from": way, "stream": False}
    yield "POST", "/api/create", {"model": "made", "files": {way: way}}


def _device_paths(way: str) -> Iterator[tuple[str, str]]:
    shown = quote(way, safe="")
    yield "GET", f"/v1/models/{shown}"
    yield "GET", f"/model/stats?model={shown}"
    yield "GET", f"/model/instances?model={shown}"
    yield "POST", f"/model/preload/{shown}/1"
    yield "POST", f"/model/cleanup?model={shown}"
    yield "HEAD", f"/api/blobs/{shown}"
    yield "POST", f"/api/blobs/{shown}"
    yield "GET", f"/v1/responses/{shown}"
    yield "DELETE", f"/v1/responses/{shown}"
