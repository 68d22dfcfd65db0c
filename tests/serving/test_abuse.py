"""Abuse is answered and survived. How fast others are served meanwhile, `python -m benchmarks.abuse` measures."""

import pytest

from benchmarks import abuse
from benchmarks.launch import DeviceProcess

EXPECTED: dict[abuse.Attack, set[str]] = {
    abuse.large_bodies: {"413"},
    abuse.just_allowed_bodies: {"400"},
    abuse.deep_json: {"400"},
    abuse.long_prompt: {"400"},
    abuse.many_messages: {"400"},
    abuse.broken_text: {"400", "200"},
}


@pytest.mark.parametrize("attack", EXPECTED, ids=lambda attack: attack.__name__)
async def test_abuse_is_refused_and_others_are_served(gpu: DeviceProcess, attack: abuse.Attack) -> None:
    answers = await attack(gpu.url)
    assert set(answers) <= EXPECTED[attack]
    assert gpu.health()["status"] == "ok"


async def test_many_slow_connections_keep_nobody_out(gpu: DeviceProcess) -> None:
    connections = await abuse.open_slowly(gpu.url, abuse.SLOW_CONNECTIONS)
    try:
        assert gpu.health()["status"] == "ok"
        assert gpu.chat("hello")
    finally:
        for writer in connections:
            writer.close()
