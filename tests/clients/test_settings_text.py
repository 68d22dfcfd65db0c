"""Settings are changed in a client's file, and nothing else in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.json_text import JsonText
from clients.settings_text import REMOVED, CannotEdit, SettingPath, SettingsText, edited, with_values
from clients.toml_text import TomlText
from clients.yaml_text import NAMED, YamlText

JSONC = """// mine
{
\t"theme": "dark", // the one
\t"env": {"FOO": "1"}, /* one line */
\t"path": "C:\\\\Users\\\\me\\\\x.txt",
\t"list": [1, {"a": null},], // trailing
}
"""
TOML = """# mine
model = "gpt-5" # keep me
approval_policy = "never"

[projects.'C:\\Users\\me\\my code']
trust_level = "trusted"

[model_providers.mine] # other
name = "Mine"
"""
YAML = """# mine
name: Mine   # the name
rules:
  - be brief # yes
models:
# the first
- name: One
  apiKey: x   # secret
- {name: Two, model: 'b'}

edit-format: diff
path: C:\\Users\\me
"""


def lines_kept(before: str, after: str) -> bool:
    """Whether every line is still there, in its order."""
    rest = iter(after.splitlines())
    return all(any(line == each for each in rest) for line in before.splitlines())


def test_json_with_comments() -> None:
    form = JsonText()
    values: dict[SettingPath, Any] = {("model",): "貓", ("provider", "openvino"): {"a": 1, "b": {}}}
    after = edited(form, JSONC, values)
    assert lines_kept(JSONC, after)
    assert form.read(after) == {**form.read(JSONC), "model": "貓", "provider": {"openvino": {"a": 1, "b": {}}}}
    replaced = edited(form, after, {("theme",): "light", ("env", "BAR"): "2"})
    assert '"theme": "light", // the one' in replaced
    assert form.read(replaced)["env"] == {"BAR": "2", "FOO": "1"}
    removed = edited(form, after, {("model",): REMOVED, ("provider", "openvino"): REMOVED})
    assert form.read(removed) == {**form.read(JSONC), "provider": {}}
    assert lines_kept(JSONC, removed)


@pytest.mark.parametrize("text", ["", "\n", "{}", "{ }\n", "{\n}\n", "// only a comment\n", '{"a": 1}', '{"a": 1,}'])
def test_small_json_files(text: str) -> None:
    form = JsonText()
    after = edited(form, text, {("x", "y"): 1, ("z",): True})
    assert form.read(after) == {**form.read(text), "x": {"y": 1}, "z": True}
    assert form.read(edited(form, after, {("x", "y"): REMOVED, ("z",): REMOVED})) == {**form.read(text), "x": {}}


@pytest.mark.parametrize("text", ["[]", "{", '{"a" 1}', "{a: 1}", '{"a": 1} x', '{"a": 1, "a": 2}', "nul", "{" * 5000])
def test_what_is_no_settings_file_stays(text: str) -> None:
    with pytest.raises(CannotEdit):
        edited(JsonText(), text, {("x",): 1})


def test_toml() -> None:
    form = TomlText()
    provider = {"name": "OpenVINO", "base_url": "http://127.0.0.1:1/v1"}
    values = {("model",): "gpu-a/b", ("model_provider",): "openvino", ("model_providers", "openvino"): provider}
    after = edited(form, TOML, values)
    assert "# mine" in after
    assert 'model = "gpu-a/b" # keep me' in after
    assert "[projects.'C:\\Users\\me\\my code']" in after
    assert "[model_providers.mine] # other" in after
    assert form.read(after)["model_providers"] == {"mine": {"name": "Mine"}, "openvino": provider}
    again = edited(form, after, {("model_providers", "openvino"): {"name": "OpenVINO"}})
    assert form.read(again)["model_providers"]["openvino"] == {"name": "OpenVINO"}
    back = edited(
        form, after, {("model",): "gpt-5", ("model_provider",): REMOVED, ("model_providers", "openvino"): REMOVED}
    )
    assert form.read(back) == form.read(TOML)
    with pytest.raises(CannotEdit):
        edited(form, "model = ", values)
    with pytest.raises(CannotEdit):
        edited(form, "model_providers = 1\n", values)


def test_yaml() -> None:
    form = YamlText()
    item = {"name": "OpenVINO a", "model": "gpu-a/b", "roles": ["chat"]}
    path = ("models", f"{NAMED}OpenVINO a")
    after = edited(form, YAML, {("edit-format",): "whole", ("model",): "openai/貓", path: item})
    assert lines_kept(YAML.replace("edit-format: diff", "edit-format: whole"), after)
    assert form.read(after)["models"][path[1]] == item
    changed = edited(form, after, {path: {**item, "model": "gpu-a/c"}})
    assert form.read(changed)["models"][path[1]]["model"] == "gpu-a/c"
    back = edited(form, changed, {("edit-format",): "diff", ("model",): REMOVED, path: REMOVED})
    assert back == YAML


@pytest.mark.parametrize("text", ["", "models:\n", "models: []\n", "a: 1", "models: []\nb: 2\n", "# nothing\n"])
def test_small_yaml_files(text: str) -> None:
    form = YamlText()
    path = ("models", f"{NAMED}x")
    after = edited(form, text, {path: {"name": "x"}, ("k",): False})
    assert (form.read(after)["models"], form.read(after)["k"]) == ({path[1]: {"name": "x"}}, False)


@pytest.mark.parametrize(
    "text", ["- a\n", "{a: 1}\n", "a: [\n", "models: [{name: x}]\n", "models:\n- {a: 1}\n", "k: |\n  x\n"]
)
def test_yaml_of_another_form_stays(text: str) -> None:
    with pytest.raises(CannotEdit):
        edited(YamlText(), text, {("models", f"{NAMED}y"): {"name": "y"}, ("k",): 1})


PLAIN = st.one_of(st.booleans(), st.integers(-9, 9), st.text(max_size=8))
KEYS = st.text("abcdexyz_", min_size=1, max_size=3)
VALUES = st.recursive(PLAIN, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(DOCUMENTS, st.lists(KEYS, min_size=1, max_size=3), VALUES, st.sampled_from([None, 1, "\t"]))
def test_json_whatever_is_in_it(before: dict[str, Any], path: list[str], value: Any, indent: Any) -> None:
    check(JsonText(), json.dumps(before, indent=indent, ensure_ascii=False), before, tuple(path), value)


@given(st.dictionaries(KEYS, PLAIN, max_size=5), KEYS, PLAIN)
def test_yaml_whatever_is_in_it(before: dict[str, Any], key: str, value: Any) -> None:
    text = "".join(f"{each}: {json.dumps(value)} # {index}\n" for index, (each, value) in enumerate(before.items()))
    check(YamlText(), text, before, (key,), value)


def check(form: SettingsText, text: str, before: dict[str, Any], path: SettingPath, value: Any) -> None:
    try:
        expected = with_values(before, {path: value})
    except CannotEdit:
        return
    try:
        read = form.read(text)
        if read != (before or read):
            return  # YAML reads the text differently
        after = edited(form, text, {path: value})
    except CannotEdit:
        return
    assert form.read(after) == expected
    assert (form.read(edited(form, after, {path: REMOVED})) or {}) == with_values(expected, {path: REMOVED})
