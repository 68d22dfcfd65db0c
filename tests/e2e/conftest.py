from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.admin.browser import chromium
from tests.support.launch_suite import SuiteProcess, suite_process


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[SuiteProcess]:
    """The whole suite with both devices and no model assigned."""
    data_dir = tmp_path / "資料 夾"
    data_dir.mkdir()
    with suite_process(data_dir) as suite:
        yield suite


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
