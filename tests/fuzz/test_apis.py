"""A few generated requests for each route; `python -m tools.fuzz_apis` makes thousands."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from schemathesis.openapi import from_url

from tests.admin.site import LiveSite, make_site

EXPLAINED = {502, 503}
"""The hub, the admin server or memory is not there; said with a reason."""

FEW = settings(
    max_examples=4,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    database=None,
)


@pytest.fixture(scope="session")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LiveSite(make_site(tmp_path_factory.mktemp("fuzzed"))) as live:
        yield live.url


def fuzz(schema: Any) -> int:
    """The number of routes that were tried."""
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:

        @FEW
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            response = case.call(timeout=60)
            assert response.status_code < 500 or response.status_code in EXPLAINED, response.text

        check()
    return len(operations)


def test_the_device_server_never_fails(scripted: str) -> None:
    assert fuzz(from_url(f"{scripted}/openapi.json")) > 30


def test_the_admin_server_never_fails(admin: str) -> None:
    schema = from_url(f"{admin}/openapi.json")
    assert fuzz(schema.exclude(path_regex="/api/keys")) > 20  # a key would close the door to the others
