from pathlib import Path

from commands.banner import banner
from commands.options import parse_arguments
from configuration.device_config import Configuration
from tests.supervision.conftest import device


def test_the_banner_tells_what_each_device_does(tmp_path: Path) -> None:
    options = parse_arguments(["--data-dir", str(tmp_path), "--host", "0.0.0.0"])
    devices = {"gpu": device(11435), "npu": device(11436, enabled=False), "cpu": device(11440, models=0)}
    text = banner(options, 11437, Configuration(devices=devices))
    assert "http://127.0.0.1:11435" in text
    assert "switched off" in text
    assert "no model assigned" in text
    assert "they need a key" in text
    assert "ovk-" not in text
