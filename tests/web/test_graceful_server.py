import asyncio

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.helpers import eventually
from web.graceful_server import GracefulServer
from web.listening import open_listeners


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


@pytest.mark.parametrize("later", [0, 0.6])
async def test_a_request_sent_on_an_accepted_connection_is_answered(later: float) -> None:
    listeners = open_listeners("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    server = GracefulServer(uvicorn.Config(hello, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=listeners))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await eventually(lambda: server.server_state.connections)

    server.stop()
    await asyncio.sleep(later)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"hello")
    await asyncio.wait_for(serving, 20)
    writer.close()


async def test_a_connection_without_a_request_does_not_keep_the_server() -> None:
    listeners = open_listeners("127.0.0.1", 0)
    server = GracefulServer(uvicorn.Config(hello, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=listeners))
    reader, writer = await asyncio.open_connection("127.0.0.1", listeners[0].getsockname()[1])
    await eventually(lambda: server.server_state.connections)
    server.stop()
    await asyncio.wait_for(serving, 20)
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
