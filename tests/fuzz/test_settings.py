"""Whatever stands in the files that we keep: a clear error or a fresh start, never a crash, and nobody's keys lost."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from hypothesis import strategies as st

from apis.ollama.digests import Digests
from configuration.device_config import ConfigError, ConfigStore, Configuration
from configuration.server_config import SERVER_CONFIG_FILE, UnusableServerConfig, read_server_config
from configuration.tuning_store import tuning_store
from instances.protocol import LoadModel
from keys.errors import KeyProblem
from keys.key_store import KEYS_FILE, KeyStore
from memory.ledger import MemoryLedger
from pools.memory_cost_cache import MemoryCostCache
from registry.catalogue import CACHE_FILE, CatalogueStore
from registry.jobs import JobStore
from registry.last_use import LastUse
from registry.local import model_id_of, read_metadata
from registry.partial import stray_plans
from registry.settings import SettingsFile
from supervision.run_file import read_run_file
from tests.fuzz.damaged import NESTED, damaged_json
from tests.fuzz.running import fuzz

MODEL = {"id": "org/name", "path": "models/org_name", "idle_timeout": 60, "parameters": {"top_k": 1}, "mine": [1]}
ALIAS = {"model": "org/name", "system": "Be brief.", "parameters": {"temperature": 0.5}, "yours": None}
DEVICE = {"port": 11435, "device": "GPU", "models": [MODEL], "aliases": {"short": ALIAS}, "ours": {"a": 1}}
CONFIG = {"$note": "kept", "gpu": DEVICE, "npu": {"port": 11436, "device": "NPU", "models": []}}
SERVER = {
    "allowed_hosts": ["models.example.org"], "allowed_origins": ["https://example.org"], "max_body_mb": 32,
    "max_active_per_client": 10, "max_requests_per_minute": 60, "log_format": "json", "tls_cert": "a.pem",
}  # fmt: skip
KEY = {"id": "ab", "name": "me", "scopes": ["admin"], "digest": "0" * 64, "hint": "ovk-abcd", "created": 1.0}
SETTINGS = {"pipeline": "llm_pipeline", "max_num_batched_tokens": 256}
TRIAL = {
    "settings": SETTINGS, "load_seconds": 1.0, "cold_seconds": 1.0, "second_turn_seconds": 1.0,
    "tokens_per_second": 9.0, "four_streams_seconds": 1.0,
}  # fmt: skip
TUNING = {
    "model": "org/name", "device": "CPU", "openvino": "2026.4.1", "measured_at": "2026-01-01", "prompt_tokens": 9,
    "trials": [TRIAL, TRIAL],
}  # fmt: skip
JOB = {
    "id": "1", "model_id": "org/name", "revision": None, "state": "downloading", "commit": "0" * 40,
    "files": [{"path": "a", "size": 2, "done": 1}], "created_at": 1.0,
}  # fmt: skip
PLAN = {"model_id": "org/name", "revision": None, "digests": {"a": "b"}}
METADATA = {"model_id": "org/name", "revision": "main", "commit": "0" * 40, "reference": "/x", "files": [{"path": "a"}]}
RUNNING = {"url": "http://127.0.0.1:1", "pid": 1, "key": None, "certificate": None}
CATALOGUE = {"entries": [{"id": "org/name", "kind": "llm", "size_bytes": 1}], "source": "hub", "fetched_at": 1.0}


@contextmanager
def folder_with(name: str, content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        yield Path(folder)


@fuzz(damaged_json(CONFIG) | st.binary(max_size=64))
def test_the_device_configuration(content: bytes) -> None:
    with folder_with("device_config.json", content) as folder:
        store = ConfigStore(folder / "device_config.json")
        try:
            configuration = store.load()
        except ConfigError as error:
            assert str(error).startswith(str(store.path))
            assert store.path.read_bytes() == content
            return
        written = _rewritten(store, configuration)
        assert _dropped(json.loads(content.decode("utf-8-sig")), json.loads(written.read_bytes())) == []


def _rewritten(store: ConfigStore, configuration: Configuration) -> Path:
    store.save(configuration)
    assert store.load() == configuration
    return store.path


def _dropped(before: Any, after: Any, place: str = "") -> list[str]:
    """The places in `before` that are not in `after` any more."""
    if isinstance(before, dict):
        missing = [f"{place}.{key}" for key in before if key not in after]
        return missing + [lost for key in before if key in after for lost in _dropped(before[key], after[key], key)]
    if isinstance(before, list):
        return [lost for one, other in zip(before, after, strict=True) for lost in _dropped(one, other, place)]
    return [] if before == after else [place]


@fuzz(damaged_json(SERVER) | st.binary(max_size=64), found=[(b'{"max_body_mb": 1e999}',), (b'{"max_body_mb": 1e305}',)])
def test_the_server_configuration(content: bytes) -> None:
    with folder_with(SERVER_CONFIG_FILE, content) as folder:
        try:
            config = read_server_config(folder)
        except UnusableServerConfig as error:
            assert SERVER_CONFIG_FILE in str(error)
            return
        assert config.limits().body_bytes >= 0
        config.tls_paths(folder)


@fuzz(damaged_json({"keys": [KEY], "version": 1}) | st.binary(max_size=64), found=[(NESTED,)])
def test_the_keys(content: bytes) -> None:
    with folder_with(KEYS_FILE, content) as folder:
        store = KeyStore(folder / KEYS_FILE)
        try:
            known = store.all()
            assert store.find("ovk-nobody's") is None
            made, secret = store.create("another", ["admin"])
            assert store.find(secret) == made
            assert store.all() == (*known, made)
            store.revoke(made.id)
        except KeyProblem as error:
            assert str(error)


SMALL_FILES = (CONFIG, [TUNING], {"org/name": 1.5}, {"a" * 64: 5}, JOB, [JOB], PLAN, METADATA, RUNNING, CATALOGUE)


NO_TRIALS, NO_SPEED = {**TUNING, "trials": []}, {**TUNING, "trials": [{**TRIAL, "tokens_per_second": 0}]}


@fuzz(
    damaged_json([TUNING], TUNING) | st.binary(max_size=64),
    found=[(NESTED,), (json.dumps([NO_TRIALS]).encode(),), (json.dumps([NO_SPEED]).encode(),)],
)
def test_what_tuning_found(content: bytes) -> None:
    with folder_with("tuning.json", content) as folder:
        for tuning in tuning_store(folder).all():
            assert tuning.best.pipeline
        tuning_store(folder).find("org/name", "CPU")


@fuzz(
    damaged_json({"endpoint": "https://example.org", "token": "hf_x"}, *SMALL_FILES) | st.binary(max_size=64),
    found=[(NESTED,)],
)
def test_what_the_registry_keeps(content: bytes) -> None:
    with folder_with("file.json", content) as folder:
        settings = SettingsFile(folder / "file.json").load()
        assert settings.endpoint
        for job in JobStore(folder / "file.json").load():
            job.as_dict()
        last_use = LastUse(folder / "file.json")
        last_use.note("org/name", 9.0)
        last_use.save()


@fuzz(damaged_json(METADATA, PLAN, *SMALL_FILES) | st.binary(max_size=64))
def test_what_lies_beside_a_model(content: bytes) -> None:
    with folder_with("org_name/metadata.json", content) as folder:
        read_metadata(folder / "org_name")
        assert model_id_of(folder / "org_name")
        (folder / "org_name" / ".plan.json").write_bytes(content)
        stray_plans(folder, [])


@fuzz(damaged_json(CATALOGUE, *SMALL_FILES) | st.binary(max_size=64))
def test_the_kept_catalogue(content: bytes) -> None:
    with folder_with(CACHE_FILE, content) as folder:
        catalogue = CatalogueStore(folder, list).known()
        assert [entry.as_dict() for entry in catalogue.entries] or catalogue.source == "hub"


SPEC = LoadModel(
    directory="models/org_name", device="CPU", pipeline="continuous_batching", properties={}, cache_dir=None,
    kv_cache_tokens=0, max_prompt_len=0, min_response_len=0,
)  # fmt: skip


PROMISE = {"memory": "RAM", "size": 1, "label": "x", "pid": 1}


@fuzz(
    damaged_json({"a": 1}, RUNNING, [PROMISE], *SMALL_FILES),
    found=[
        (NESTED,),
        (b"null",),
        (json.dumps({**RUNNING, "pid": 10**400}).encode(),),
        (json.dumps([{**PROMISE, "size": None}]).encode(),),
    ],
)
def test_what_running_processes_write(content: bytes) -> None:
    with folder_with(".running.json", content) as folder:
        read_run_file(folder)
        MemoryCostCache(folder / ".running.json").known(SPEC)
        Digests(folder / ".running.json")
        parent = os.getppid()
        (folder / f"{parent}-{int(psutil.Process(parent).create_time())}.json").write_bytes(content)
        assert all(reservation.size >= 0 for reservation in MemoryLedger(folder).others())
