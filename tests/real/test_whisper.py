"""Whisper base through the server: the eight spoken samples of Debian's alsa-utils, right to the word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from hardware.devices import DeviceInfo
from server_app import build_device_server, create_app
from tests.apis.servers import serving
from tests.support.ports import free_port

MODEL = Path(__file__).parents[2] / "tools" / ".real_models" / "whisper-base-int8-ov"
SAMPLES = Path("/usr/share/sounds/alsa")
SPOKEN = [f"{where}_{side}" for where in ("Front", "Rear") for side in ("Center", "Left", "Right")]
SPOKEN += ["Side_Left", "Side_Right"]
DEVICES = [DeviceInfo("CPU", "Test CPU", None), DeviceInfo("NPU", "Test NPU", None)]
NPU_ON_CPU = {"NPUW_DEVICES": "CPU", "NPU_USE_NPUW": "YES"}


@pytest.fixture(scope="module", params=["CPU", "NPU"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    if not MODEL.is_dir():
        pytest.fail("The model is not here: tools/real_models.py says how it is made.", pytrace=False)
    if not SAMPLES.is_dir():
        pytest.fail("The samples are not here: apt-get install alsa-utils", pytrace=False)
    data_dir = tmp_path_factory.mktemp("whisper")
    extra = NPU_ON_CPU if request.param == "NPU" else {}
    model = ModelAssignment(id="real/whisper", path=str(MODEL), extra_config=extra)
    store = ConfigStore(data_dir / "device_config.json")
    store.save(Configuration(devices={"gpu": DeviceSettings(port=11435, device=request.param, models=[model])}))
    device = build_device_server("gpu", store.load(), data_dir, DEVICES, store=store)
    with serving(create_app(device, host="127.0.0.1", admin_port=free_port())) as url:
        yield openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=250)


@pytest.mark.parametrize("name", SPOKEN)
def test_a_sample_is_written_down_right(client: openai.OpenAI, name: str) -> None:
    answer = client.audio.transcriptions.create(
        model="real/whisper", file=SAMPLES / f"{name}.wav", language="en", response_format="json"
    )
    assert re.findall(r"\w+", answer.text.lower()) == name.lower().split("_")
