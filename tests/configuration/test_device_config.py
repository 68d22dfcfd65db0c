import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configuration.device_config import (
    MAX_BYTES,
    ConfigError,
    ConfigStore,
    Configuration,
    DeviceSettings,
    ModelAssignment,
    default_configuration,
    parse_configuration,
)
from tests.helpers import link_or_skip

DEFAULT = json.loads(default_configuration("models/demo_server-guide").to_json())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown_keys = st.dictionaries(st.text(min_size=1).map(lambda text: f"x{text}"), json_values, max_size=3)
notes = st.dictionaries(st.text().map(lambda text: f"_{text}"), json_values, max_size=2)


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    store = ConfigStore(tmp_path / "設定 檔" / "device_config.json")
    store.save(default_configuration("models/demo_server-guide"))
    return store


def update(store: ConfigStore, device: str, **settings: Any) -> Configuration:
    return store.change_device(device, lambda before: before.model_copy(update=settings))


def changed(**gpu: Any) -> str:
    return json.dumps({**DEFAULT, "gpu": {**DEFAULT["gpu"], **gpu}}, indent=2)


def with_model(**fields: Any) -> str:
    return changed(models=[{"id": "a/b", "path": "models/a_b", **fields}])


def test_default_names_both_devices_with_the_demo_model(store: ConfigStore) -> None:
    devices = store.load().devices
    assert [(name, d.port, d.device, d.fallback_device) for name, d in devices.items()] == [
        ("gpu", 11435, "GPU", "CPU"),
        ("npu", 11436, "NPU", "CPU"),
    ]
    assert {model.id for d in devices.values() for model in d.models} == {"demo/server-guide"}


def test_chinese_text_is_written_as_itself(store: ConfigStore) -> None:
    update(store, "gpu", models=[ModelAssignment(id="組織/模型", path="models/組織_模型")])
    assert "組織/模型" in store.path.read_text(encoding="utf-8")
    assert store.load().devices["gpu"].models[0].path == "models/組織_模型"


def test_a_byte_order_mark_is_accepted(store: ConfigStore) -> None:
    store.path.write_text(json.dumps(DEFAULT), encoding="utf-8-sig")
    assert store.load().devices["gpu"].port == 11435


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("", None, "not valid JSON"),
        ("{", None, "not valid JSON"),
        ("[]", None, "every root key names a device"),
        ("[" * 100_000, None, "nested too deeply"),
        ('{"gpu": {"port": 1, "port": 2}}', "gpu.port", "twice"),
        ('{"gpu": {"port": 1e999}}', "gpu.port", "too large"),
        ('{"gpu": {"port": NaN}}', None, "NaN"),
        ('{"gpu": {"port": ' + "9" * 5000 + "}}", None, "not valid JSON"),
        ('{"gpu": 3}', "gpu", "every root key names a device"),
        ('{"GPU 0": {"port": 1, "device": "GPU"}}', "GPU 0", "device name"),
        ('{"gpu": {"device": "GPU"}}', "gpu.port", "missing"),
        (changed(port=0), "gpu.port", "greater than or equal to 1"),
        (changed(port=65536), "gpu.port", "65535"),
        (changed(port="11435"), "gpu.port", 'found "11435"'),
        (changed(port=True), "gpu.port", "integer"),
        (changed(port=11436), "npu.port", 'belongs to "gpu"'),
        (changed(device=""), "gpu.device", "empty"),
        (changed(enabled="yes"), "gpu.enabled", "boolean"),
        (changed(models=[7]), "gpu.models[0]", "found 7"),
        (changed(models=[{"id": "a/b", "path": "x"}, {"id": "a/b", "path": "y"}]), "gpu.models", "twice"),
        (with_model(max_concurrent=0), "gpu.models[0].max_concurrent", "found 0"),
        (with_model(idle_timeout=-2), "gpu.models[0].idle_timeout", "-1 for never"),
        (with_model(estimated_memory_gb=-1), "gpu.models[0].estimated_memory_gb", "found -1"),
        (with_model(preload_count=-1), "gpu.models[0].preload_count", "found -1"),
        (with_model(pipeline="magic"), "gpu.models[0].pipeline", "continuous_batching"),
        (with_model(path=" "), "gpu.models[0].path", "empty"),
        (with_model(id="../etc"), "gpu.models[0].id", ".."),
        (with_model(id="a\\b"), "gpu.models[0].id", "backslash"),
        (with_model(id="a\n"), "gpu.models[0].id", "blanks"),
    ],
)
def test_an_error_names_file_line_field_and_reason(tmp_path: Path, text: str, field: str | None, words: str) -> None:
    path = tmp_path / "device_config.json"
    with pytest.raises(ConfigError) as caught:
        parse_configuration(text, path)
    error = caught.value
    assert error.field == field
    assert error.line is not None
    assert words in str(error)
    assert str(error).startswith(f"{path}, line {error.line}, column {error.column}")


def test_the_line_is_the_one_of_the_wrong_value(tmp_path: Path) -> None:
    text = changed(enabled="yes")
    with pytest.raises(ConfigError) as caught:
        parse_configuration(text, tmp_path)
    assert caught.value.line is not None
    assert '"enabled": "yes"' in text.splitlines()[caught.value.line - 1]


def test_bytes_that_are_no_utf8_are_named_with_their_line(store: ConfigStore) -> None:
    store.path.write_bytes(b'{\n"_a": "\xff"}')
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        store.load()
    assert caught.value.line == 2


def test_a_lone_surrogate_in_a_note_is_written_back(store: ConfigStore) -> None:
    document = {**DEFAULT, "_note": "\ud800"}
    store.path.write_text(json.dumps(document), encoding="utf-8")
    update(store, "gpu", enabled=False)
    assert json.loads(store.path.read_text(encoding="utf-8"))["_note"] == "\ud800"


@settings(max_examples=60, deadline=None)
@given(root=notes, device=unknown_keys, model=unknown_keys)
def test_unknown_keys_survive_a_rewrite(
    tmp_path_factory: pytest.TempPathFactory, root: dict[str, Any], device: dict[str, Any], model: dict[str, Any]
) -> None:
    document = {
        **root,
        "gpu": {
            "port": 1,
            "device": "GPU",
            **device,
            "models": [{"id": "a/b", "path": "x", **model, "extra_config": model}],
        },
    }
    store = ConfigStore(tmp_path_factory.mktemp("config") / "device_config.json")
    store.path.write_text(json.dumps(document), encoding="utf-8")

    [known] = store.load().devices["gpu"].models
    update(store, "gpu", enabled=False, models=[known.model_copy(update={"path": "y"})])

    written = json.loads(store.path.read_text(encoding="utf-8"))
    assert {key: written[key] for key in root} == root
    assert {key: written["gpu"][key] for key in device} == device
    assert {key: written["gpu"]["models"][0][key] for key in model} == model
    assert written["gpu"]["models"][0]["extra_config"] == model
    assert written["gpu"]["models"][0]["path"] == "y"
    assert written["gpu"]["enabled"] is False


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000), garbage=st.binary(max_size=20))
def test_a_broken_file_is_never_overwritten(store: ConfigStore, cut: int, garbage: bytes) -> None:
    whole = default_configuration("models/demo_server-guide").to_json().encode()
    broken = whole[: cut % (len(whole) - 2)] + garbage
    store.path.write_bytes(broken)
    try:
        store.load()
    except ConfigError:
        with pytest.raises(ConfigError):
            store.save(default_configuration("elsewhere"))
        with pytest.raises(ConfigError):
            update(store, "gpu", enabled=False)
        assert store.path.read_bytes() == broken


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_any_json_is_a_configuration_or_a_config_error(value: Any) -> None:
    text = json.dumps({"gpu": value, "npu": {"port": 1, "device": "NPU", "models": value}})
    with pytest.raises(ConfigError):
        parse_configuration(text, Path("device_config.json"))


def test_update_sees_an_edit_by_hand(store: ConfigStore) -> None:
    store.path.write_text(changed(port=12000), encoding="utf-8")
    assert update(store, "npu", enabled=False).devices["gpu"].port == 12000


def test_update_of_an_unknown_device_names_the_known_ones(store: ConfigStore) -> None:
    with pytest.raises(ConfigError, match="gpu, npu"):
        update(store, "tpu", enabled=True)


def test_save_refuses_what_load_would_refuse(store: ConfigStore) -> None:
    before = store.path.read_bytes()
    same_port = {name: DeviceSettings(port=5, device="CPU") for name in ("a", "b")}
    with pytest.raises(ConfigError, match="port 5"):
        store.save(Configuration(devices=same_port))
    infinite = ModelAssignment(id="a/b", path="x", extra_config={"x": float("inf")})
    with pytest.raises(ConfigError, match="JSON"):
        update(store, "gpu", models=[infinite])
    assert store.path.read_bytes() == before


def test_what_would_be_too_large_is_not_written(store: ConfigStore) -> None:
    before = store.path.read_bytes()
    large = ModelAssignment(id="a/b", path="x", system="x" * MAX_BYTES)
    with pytest.raises(ConfigError, match=r"would have 5\.0 MB; 5 MB is the most"):
        update(store, "gpu", models=[large])
    assert store.path.read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_no_litter(store: ConfigStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = store.path.read_bytes()
    files = sorted(store.path.parent.iterdir())

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        update(store, "gpu", enabled=False)
    assert store.path.read_bytes() == before
    assert sorted(store.path.parent.iterdir()) == files


def test_a_link_to_the_configuration_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.json"
    target.write_text(json.dumps(DEFAULT), encoding="utf-8")
    link = tmp_path / "device_config.json"
    try:
        link_or_skip(link, target)
    except OSError:
        pytest.skip("this account may not create symbolic links")
    update(ConfigStore(link), "gpu", enabled=False)
    assert link.is_symlink()
    assert json.loads(target.read_text(encoding="utf-8"))["gpu"]["enabled"] is False


def test_current_runs_on_with_the_last_good_configuration(store: ConfigStore) -> None:
    good = store.current()
    assert store.problem is None
    assert store.usable_path() == store.path

    store.path.write_text("{ half", encoding="utf-8")
    assert store.current() == good
    assert store.problem is not None
    assert "line 1" in str(store.problem)
    assert ConfigStore(store.usable_path()).load() == good

    store.path.write_text(changed(port=12000), encoding="utf-8")
    assert store.current().devices["gpu"].port == 12000
    assert store.problem is None


def test_the_last_good_configuration_outlives_the_process(store: ConfigStore) -> None:
    good = store.current()
    store.path.write_text("{ half", encoding="utf-8")
    later = ConfigStore(store.path)
    assert later.current() == good
    assert later.problem is not None


def test_current_without_any_good_configuration_raises(tmp_path: Path) -> None:
    store = ConfigStore(tmp_path / "device_config.json")
    with pytest.raises(FileNotFoundError):
        store.current()
    store.path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError):
        store.current()


def test_a_deleted_file_comes_back_with_the_next_save(store: ConfigStore) -> None:
    good = store.current()
    store.path.unlink()
    assert store.current() == good
    assert store.problem is not None
    store.save(good)
    assert store.load() == good
