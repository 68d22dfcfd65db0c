"""docs/configuration.md says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from chat.tool_formats.lookup import CALL_FORMATS
from configuration.device_config import default_configuration, parse_configuration
from configuration.gateway_config import GatewayAlias, GatewaySettings
from configuration.sampling import PARAMETERS
from configuration.schema import DeviceSettings, ModelAlias, ModelAssignment
from configuration.server_config import ServerConfig
from main import parse_arguments
from pools.served_model import DEFAULT_NPU_PROMPT_TOKENS, NPU_RESPONSE_TOKENS
from tests.docs.pages import PROJECT, code_blocks, text_of

PAGE = PROJECT / "docs" / "configuration.md"
WORDS = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "array": "list",
    "object": "object",
}
_BEYOND_USE = 100_000
"""A maximum from here on only keeps nonsense out."""
TABLES = [
    ("A device", DeviceSettings),
    ("A model of a device", ModelAssignment),
    ("An alias", ModelAlias),
    ("server_config.json", ServerConfig),
    ("gateway.json", GatewaySettings),
    ("An alias of the gateway", GatewayAlias),
]


def table(heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading, by the name in the first column."""
    section = re.split(r"^#+ ", text_of(PAGE).split(f"# {heading}\n", 1)[1], flags=re.M)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:2] == "| "]
    return {cells[0].strip("`"): cells[1:] for cells in rows[1:]}


def written_form(schema: dict[str, Any]) -> str:
    """A field's type in the words of the tables."""
    kinds = schema.get("anyOf", [schema])
    kind = kinds[0]
    words = WORDS[kind["type"]]
    if "enum" in kind:
        *most, last = [f'`"{value}"`' for value in kind["enum"]]
        words = f"{', '.join(most)} or {last}"
    elif kind.get("maximum", _BEYOND_USE) < _BEYOND_USE:
        words += f", {kind['minimum']}–{kind['maximum']}"
    elif "minimum" in kind:
        words += f" ≥ {kind['minimum']}"
    elif "exclusiveMinimum" in kind:
        words += f" > {kind['exclusiveMinimum']}"
    return words + " or null" * ({"type": "null"} in kinds)


@pytest.mark.parametrize(("heading", "schema"), TABLES)
def test_every_key_is_described_as_it_is(heading: str, schema: type[BaseModel]) -> None:
    rows = table(heading)
    assert list(rows) == list(schema.model_fields)
    properties = schema.model_json_schema()["properties"]
    for name, field in schema.model_fields.items():
        written_type, written_default, meaning, _ = rows[name]
        in_seconds = written_type.replace("seconds, or -1", "number").replace("seconds", "number")
        assert in_seconds == written_form(properties[name]), name
        assert meaning.endswith("."), name
        default = field.get_default(call_default_factory=True)
        assert written_default == ("required" if field.is_required() else f"`{json.dumps(default)}`"), name


@pytest.mark.parametrize(("heading", "schema"), TABLES)
def test_every_example_value_is_allowed(heading: str, schema: type[BaseModel]) -> None:
    required = {
        DeviceSettings: {"port": 1, "device": "GPU"},
        ModelAssignment: {"id": "org/name", "path": "models/x"},
        ModelAlias: {"model": "org/name"},
        ServerConfig: {},
        GatewaySettings: {},
        GatewayAlias: {"model": "org/name"},
    }[schema]
    for name, (*_, example) in table(heading).items():
        if example:
            schema.model_validate(required | {name: json.loads(example.strip("`"))})


def test_every_example_file_is_valid() -> None:
    blocks = code_blocks(PAGE, "json")
    assert blocks
    for block in blocks:
        parse_configuration(block, Path("example.json"))


def test_the_first_example_shows_every_key_and_the_default_devices() -> None:
    example = parse_configuration(code_blocks(PAGE, "json")[0], Path("example.json"))
    assert {name: (each.port, each.device) for name, each in example.devices.items()} == {
        name: (each.port, each.device) for name, each in default_configuration("models/x").devices.items()
    }
    assert example.devices["gpu"].model_fields_set == set(DeviceSettings.model_fields)
    assert example.devices["gpu"].models[0].model_fields_set == set(ModelAssignment.model_fields)


def test_every_option_is_described_with_its_default() -> None:
    defaults = {f"--{name.replace('_', '-')}": value for name, value in vars(parse_arguments([])).items()}
    rows = {name.split()[0]: cells for name, cells in table("Command line").items()}
    assert rows.keys() == {*defaults, "--version"}
    assert defaults["--host"] is None
    assert "`127.0.0.1`" in rows["--host"][1]
    for name in ("--port", "--log-level"):
        assert rows[name][0] == f"`{defaults[name]}`"
    assert rows["--data-dir"][0] == "the project's folder"
    assert defaults["--data-dir"] == PROJECT
    assert rows["--no-devices"][0] == "off"
    assert defaults["--no-devices"] is False


def test_the_figures_of_the_npu_are_those_of_the_code() -> None:
    assert f"`null`: {DEFAULT_NPU_PROMPT_TOKENS}." in table("A model of a device")["max_prompt_len"][2]
    assert f"default {NPU_RESPONSE_TOKENS})" in text_of(PAGE)


def test_the_parameters_of_an_alias_are_those_it_can_set() -> None:
    described = set(re.findall(r"`(\w+)`", table("An alias")["parameters"][2]))
    assert described == set(PARAMETERS)


def test_all_tool_dialects_are_named() -> None:
    sentence = text_of(PAGE).split("If that is wrong, set")[1].split(". |")[0]
    assert re.findall(r"`(\w+)`", sentence) == list(CALL_FORMATS)
