"""What passing does with a transport, whatever kind it is."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Scope

from configuration.device_config import DeviceSettings, ModelAssignment
from gateway.counts import Counts
from gateway.device import UpstreamDevice
from gateway.device_inventory import DeviceInventory
from gateway.model_router import ModelRouter, RouteTarget
from gateway.proxy import Proxy
from gateway.routes import PASSED
from gateway.transport import Opened, T

MODEL = "org/model"


class Refusal(Opened):
    def __init__(self, target: RouteTarget) -> None:
        super().__init__(target, 503, [])
        self.cuts = 0

    async def more(self) -> bytes:
        return b""

    async def cut(self) -> None:
        self.cuts += 1


class FirstRefuses:
    """The first device answers 503; the second fails with `failure`, or says nothing."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.refusals: list[Refusal] = []
        self.waiting = asyncio.Event()

    async def ask(self, device: UpstreamDevice, path: str, answer_type: type[T], *, seconds: float) -> T:
        raise NotImplementedError

    async def open(self, target: RouteTarget, scope: Scope, body: bytes) -> Opened:
        if not self.refusals:
            self.refusals.append(Refusal(target))
            return self.refusals[0]
        self.waiting.set()
        if self.failure is not None:
            raise self.failure
        return await asyncio.get_running_loop().create_future()


async def passing_with(transport: FirstRefuses) -> None:
    """Pass on a request whose client leaves when the second device has been asked."""
    settings = DeviceSettings(port=1, device="CPU", models=[ModelAssignment(id=MODEL, path="x")])
    inventory = DeviceInventory([UpstreamDevice("gpu", settings), UpstreamDevice("npu", settings)])
    passing = Proxy(inventory, ModelRouter(inventory), transport, Counts(), lambda: 0)
    messages: list[Message] = [{"type": "http.request", "body": f'{{"model": "{MODEL}"}}'.encode()}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await transport.waiting.wait()
        await asyncio.sleep(0)  # a failure is heard of before
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("nothing is to be answered")

    scope = {"type": "http", "method": "POST", "path": PASSED[0].path, "path_params": {}}
    await passing(PASSED[0], scope, receive, send)


async def test_a_refusal_is_let_go_when_the_client_leaves() -> None:
    transport = FirstRefuses()
    await passing_with(transport)
    assert [refusal.cuts for refusal in transport.refusals] == [1]


async def test_a_refusal_is_let_go_when_the_next_device_fails() -> None:
    transport = FirstRefuses(OSError("broken"))
    with pytest.raises(OSError, match="broken"):
        await passing_with(transport)
    assert [refusal.cuts for refusal in transport.refusals] == [1]
