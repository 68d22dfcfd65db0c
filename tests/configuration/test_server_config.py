from pathlib import Path

import pytest

from configuration.server_config import SERVER_CONFIG_FILE, ServerConfig, UnusableServerConfig, read_server_config
from web.limits import RequestLimits


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    config = read_server_config(tmp_path)
    assert config == ServerConfig()
    assert not config.exposed("127.0.0.1")
    assert config.exposed("0.0.0.0")


def test_limits_are_generous_until_somebody_narrows_them(tmp_path: Path) -> None:
    limits = read_server_config(tmp_path).limits()
    assert limits.active_per_client >= 1000
    assert limits.per_minute is None
    narrow = '{"max_body_mb": 0.5, "max_active_per_client": 2, "max_requests_per_minute": 30}'
    (tmp_path / SERVER_CONFIG_FILE).write_text(narrow, encoding="utf-8")
    assert read_server_config(tmp_path).limits() == RequestLimits(500_000, 2, 30)


def test_a_proxys_name_makes_the_server_exposed(tmp_path: Path) -> None:
    (tmp_path / SERVER_CONFIG_FILE).write_text('{"allowed_hosts": ["models.example"]}', encoding="utf-8")
    assert read_server_config(tmp_path).exposed("127.0.0.1")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "JSON"),
        ('{"max_body_mb": 0}', "max_body_mb"),
        ('{"max_body": 1}', "max_body"),
        ('{"allowed_origins": ["*"]}', "allowed_origins.0"),
        ('{"allowed_origins": ["https://a.example/path"]}', "allowed_origins.0"),
        ('{"allowed_hosts": ["http://a.example"]}', "allowed_hosts.0"),
        ('{"allowed_hosts": ["a.example:80"]}', "allowed_hosts.0"),
    ],
)
def test_a_file_that_breaks_a_rule_is_explained(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / SERVER_CONFIG_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UnusableServerConfig, match=field):
        read_server_config(tmp_path)
