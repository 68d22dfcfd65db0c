from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_registry import ModelRegistry
from registry.errors import InvalidModelName
from registry.settings import SETTINGS_FILE, HubSettings, check_limit
from registry.throttle import Throttle


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 3)), min_size=1, max_size=60), st.floats(1e4, 1e7))
def test_no_more_bytes_come_than_the_limit_allows(pieces: list[tuple[int, float]], rate: float) -> None:
    """`pieces`: bytes, and how long the network took for them."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    throttle = Throttle(rate, clock=lambda: now, sleep=sleep)
    total = 0
    for count, pause in pieces:
        now += pause
        total += count
        throttle.spend(count)
        assert total <= rate * (now + 0.25) * 1.001 + 1
    own = sum(pause for _, pause in pieces)
    assert now <= own + total / rate + 0.001


def test_without_a_limit_nothing_waits() -> None:
    def sleep(_: float) -> None:
        raise AssertionError

    Throttle(None, sleep=sleep).spend(10**12)


@pytest.mark.parametrize("value", [-1, 0.001, 1e9, float("nan"), float("inf")])
def test_a_limit_that_is_none(value: float) -> None:
    with pytest.raises(InvalidModelName):
        check_limit(value)


def test_a_limit_in_bytes() -> None:
    assert HubSettings(speed_limit_mb=check_limit(2.5)).bytes_per_second == 2_500_000
    assert HubSettings(speed_limit_mb=check_limit(0)).bytes_per_second is None


async def test_the_limit_is_kept_and_a_wrong_one_refused(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path / "models", settings_file=tmp_path / SETTINGS_FILE)
    await registry.configure_hub(speed_limit_mb=2.5)
    assert ModelRegistry(tmp_path / "models", settings_file=tmp_path / SETTINGS_FILE).hub.speed_limit_mb == 2.5
    await registry.configure_hub(token="hf_x")
    assert registry.hub.speed_limit_mb == 2.5
    await registry.configure_hub(speed_limit_mb=0)
    assert registry.hub.speed_limit_mb is None
