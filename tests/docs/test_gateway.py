"""docs/gateway.md says what the code does."""

from __future__ import annotations

import re

from configuration.gateway_config import DEFAULT_PORT, GatewaySettings
from gateway.routes import OF_ONE_DEVICE
from tests.docs.pages import PROJECT, code_blocks, text_of

PAGE = PROJECT / "docs" / "gateway.md"


def test_the_example_is_valid() -> None:
    (example,) = code_blocks(PAGE, "json")
    settings = GatewaySettings.model_validate_json(example)
    assert settings.enabled
    assert not settings.model_extra
    assert all(not alias.model_extra for alias in settings.aliases.values())


def test_what_is_left_to_the_devices_is_named() -> None:
    sentence = text_of(PAGE).split("asked at its own address:")[1].split("\n")[0]
    named = re.findall(r"`([^`]+)`", sentence)
    for path in OF_ONE_DEVICE:
        assert any(path == name or (path.startswith(name.removesuffix("…")) and name.endswith("…")) for name in named)


def test_the_default_address_is_the_one_of_the_code() -> None:
    assert f"http://{GatewaySettings().host}:{DEFAULT_PORT}" in text_of(PAGE)
