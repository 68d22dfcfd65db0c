"""A few generated requests for each route, answered as documented; `python -m tools.fuzz_apis` makes thousands."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from schemathesis.openapi import from_url
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.admin.site import LiveSite, make_site

pytestmark = pytest.mark.long

EXPLAINED = {502, 503}
"""The hub, the admin server or memory is not there; said with a reason."""

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

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
            case.validate_response(response, checks=CHECKS)

        check()
    return len(operations)


def test_the_device_server_is_as_described(scripted: str) -> None:
    assert fuzz(from_url(f"{scripted}/openapi.json")) > 30


def test_the_admin_server_is_as_described(admin: str) -> None:
    schema = from_url(f"{admin}/openapi.json")
    assert fuzz(schema.exclude(path_regex="/api/keys")) > 20  # a key would close the door to the others
