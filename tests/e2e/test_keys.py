"""The whole suite behind keys and TLS: the admin's own calls to the device servers go through, others do not."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import trustme

from keys.access import INTERNAL_KEY_VARIABLE
from keys.key_store import KEYS_FILE, KeyStore
from tests.helpers import http, wait_until
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import SuiteProcess, suite_process


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[SuiteProcess]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "server.example")
    certificate, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(private)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    data_dir = tmp_path / "資料 夾"
    data_dir.mkdir()
    key = KeyStore(data_dir / KEYS_FILE).create("me", ["admin"])[1]
    options = ("--tls-cert", str(certificate), "--tls-key", str(private))
    with suite_process(data_dir, *options, key=key, verify=trust, gateway=True) as suite:
        yield suite


def test_the_suite_works_behind_keys_and_tls(guarded: SuiteProcess) -> None:
    assert guarded.url.startswith("https://")
    guarded.assign("gpu", [DEMO_ID])
    wait_until(lambda: guarded.device("gpu")["state"] == "running")
    assert guarded.chat("gpu", DEMO_ID, "hello").status_code == 200
    through = f"{guarded.gateway_url}/v1/chat/completions"
    body = {"model": DEMO_ID, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    assert through.startswith("https://")
    assert guarded.client.post(through, json=body).json()["model"] == f"gpu-{DEMO_ID}"
    assert guarded.client.post(through, json=body, headers={"Authorization": "Bearer wrong"}).status_code == 401
    body = {"model": f"gpu-{DEMO_ID}", "messages": [{"role": "user", "content": "hello"}]}
    assert guarded.client.post(f"{guarded.url}/api/playground/gpu", json=body).status_code == 200
    pulled = guarded.client.post(f"{guarded.device_url('gpu')}/api/pull", json={"model": "../x", "stream": False})
    assert pulled.status_code == 400, pulled.text  # the admin server's refusal, not the gate's

    del guarded.client.headers["Authorization"]
    assert guarded.client.post(f"{guarded.device_url('gpu')}/v1/chat/completions", json=body).status_code == 401
    assert guarded.client.get(f"{guarded.url}/api/status").status_code == 401
    with pytest.raises(httpx.HTTPError):
        http.get(f"http://127.0.0.1:{guarded.ports['gpu']}/health")
    _no_secret_is_to_be_seen(guarded)


def _no_secret_is_to_be_seen(suite: SuiteProcess) -> None:
    """Neither in an argument list nor, below the device server, in an environment."""
    for process in psutil.Process(suite.process.pid).children(recursive=True):
        assert "Bearer" not in " ".join(process.cmdline())
        if "instances.worker" in process.cmdline():
            assert INTERNAL_KEY_VARIABLE not in process.environ()
