"""The device server that the clients are tried against. Beside the models of tests/clients/server.py it has two for
coding agents, whose prompts are long: one that obeys, and the demo model stretched to a long context."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from configuration.device_config import ModelAssignment
from instances.handle import Instance
from instances.protocol import LoadModel
from tests.apis.servers import Script
from tests.clients import server as clients_server
from tests.clients.server import open_server
from tests.support.launch import DEMO_MODEL

CONTEXT_TOKENS = 131_072
AGENT, LONG = "demo/agent", "demo/long"
_ORDER = re.compile(r"CALL (\w+) (\w+)=(\S+) END")
_TURN = re.compile(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", re.DOTALL)
_RESULT = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


class Obedient(Script):
    """A model without weights. Offered tools, it makes the call that the user orders by "CALL name key=value END";
    given a result, it repeats that; else it says "A title"."""

    def reply(self, prompt_ids: list[int]) -> list[int]:
        prompt = self.decode(prompt_ids)
        user = _TURN.findall(prompt)
        result = _RESULT.search(user[-1]) if user else None
        order = _ORDER.search(" ".join(user))
        if result:
            return self.encode(f"The tool said: {result[1][:500]}")
        if order and "<tools>" in prompt:
            call = {"name": order[1], "arguments": {order[2]: order[3]}}
            return self.encode(f"I look.\n<tool_call>\n{json.dumps(call)}\n</tool_call>")
        return self.encode("A title")


@contextmanager
def running_server(data_dir: Path) -> Iterator[dict[str, Any]]:
    """What the scripts must know of it."""
    for name in (AGENT, LONG):
        stretched(data_dir / name)
    script = Obedient(data_dir / AGENT)
    scripted = script.instance_maker()

    def make_instance(spec: LoadModel) -> Instance:
        return scripted(spec) if Path(spec.directory) == data_dir / AGENT else Instance(spec)

    more = [ModelAssignment(id=name, path=str(data_dir / name), idle_timeout=-1) for name in (AGENT, LONG)]
    with open_server(data_dir / "資料 夾", more_models=more, make_instance=make_instance) as running:
        yield {
            "url": running.url,
            "chat": clients_server.CHAT,
            "embed": clients_server.EMBED,
            "agent": f"gpu-{AGENT}",
            "long": f"gpu-{LONG}",
            "context": CONTEXT_TOKENS,
            "dimensions": clients_server.DIMENSIONS,
            "question": clients_server.QUESTION,
            "weather_question": clients_server.WEATHER_QUESTION,
            "calling_question": clients_server.CALLING_QUESTION,
            "weather_result": clients_server.WEATHER_RESULT,
            "reported": clients_server.REPORTED,
        }


def stretched(directory: Path) -> None:
    """A copy of the demo model that takes long prompts, which it does not understand."""
    shutil.copytree(DEMO_MODEL, directory)
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"max_position_embeddings": CONTEXT_TOKENS}
    path.write_text(json.dumps(config), encoding="utf-8")
