"""An answer as it is shown at the terminal: interrupted, broken off, with escape sequences in it."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest

from commands.backend import SuiteAddress
from commands.conversing.answers import show_answer
from commands.conversing.conversation import TerminalChat
from commands.errors import CommandFailed
from commands.output import Output
from commands.served import OfferedModel


def model(port: int, *abilities: str) -> OfferedModel:
    return OfferedModel("gpu-a/b", "a/b", "gpu", port, "running", True, ("chat", *abilities), 4096)


async def answering(*lines: dict[str, Any], then_wait: bool = False) -> asyncio.Server:
    """A server whose every answer has these lines."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        if then_wait:
            await reader.read()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def test_ctrl_c_stops_the_answer_and_keeps_what_was_said() -> None:
    server = await answering({"message": {"content": "Once"}}, then_wait=True)
    port = server.sockets[0].getsockname()[1]
    conversation = TerminalChat(model(port), SuiteAddress(f"http://127.0.0.1:{port}"))

    class Interrupted(Output):
        def write(self, text: str) -> None:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(show_answer(conversation, "Tell", Interrupted(as_json=False), statistics=False), 60)
    assert [message["content"] for message in conversation.messages] == ["Tell", "Once"]
    server.close()


async def test_an_error_in_mid_answer_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    server = await answering({"message": {"content": "Once"}}, {"error": "the instance was lost"})
    port = server.sockets[0].getsockname()[1]
    conversation = TerminalChat(model(port), SuiteAddress(f"http://127.0.0.1:{port}"))
    with pytest.raises(CommandFailed, match="instance was lost"):
        await show_answer(conversation, "Tell", Output(as_json=False), statistics=False)
    server.close()


async def test_on_a_terminal_a_model_cannot_send_escape_sequences(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await answering({"message": {"content": "a\x1b]0;title\x07b\n\tc\x9b"}, "done": True})
    port = server.sockets[0].getsockname()[1]
    conversation = TerminalChat(model(port), SuiteAddress(f"http://127.0.0.1:{port}"))
    monkeypatch.setattr(Output, "interactive", True)
    answer = await show_answer(conversation, "Tell", Output(as_json=False), statistics=False)
    assert capsys.readouterr().out == "a]0;titleb\n\tc\n"
    assert answer["message"]["content"] == "a\x1b]0;title\x07b\n\tc\x9b"
    server.close()
