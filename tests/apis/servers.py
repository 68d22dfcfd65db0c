"""A device server in a thread of the test process, on a port of its own."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from tokenizers import Tokenizer

from chat.tokenizer import ChatTokenizer
from instances.handle import Generation, Instance
from instances.protocol import GenerationParams, InstanceReady, LoadModel, MultimodalPrompt, TokenOutput

MODELS = Path(__file__).parent.parent / "models"
CHAT, EMBEDDING, RERANKER, VISION = "test/chat", "test/embedding", "test/reranker", "test/vision"
QWEN_RERANKER = "test/qwen_reranker"


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The base URL of `app`, which uvicorn serves until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Script:
    """What a scripted model says next, and what it was asked. `pause` seconds pass before each token."""

    def __init__(self, directory: Path = MODELS / "test_chat") -> None:
        self._directory = directory
        self._tokenizer = ChatTokenizer(directory)
        self.reset()

    def reset(self) -> None:
        self.answer = "Hello."
        self.pause = 0.0
        self.prompts: list[list[int]] = []
        self.sampling: list[GenerationParams] = []
        self.multimodals: list[MultimodalPrompt | None] = []

    def reply(self, prompt_ids: list[int]) -> list[int]:
        """The tokens of the answer to a prompt."""
        return self.encode(self.answer)

    def encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text)

    def decode(self, ids: list[int]) -> str:
        return Tokenizer.from_file(str(self._directory / "tokenizer.json")).decode(ids, skip_special_tokens=False)

    def prompt(self, index: int = -1) -> str:
        """The prompt of a request as the model saw it."""
        return self.decode(self.prompts[index])

    def instance_maker(self) -> Callable[[LoadModel], Instance]:
        return lambda spec: _ScriptedInstance(spec, self)


class _ScriptedInstance(Instance):
    """An instance without a process: one token of the script a step."""

    def __init__(self, spec: LoadModel, script: Script) -> None:
        super().__init__(spec)
        self._script = script

    async def load(self) -> InstanceReady:
        return InstanceReady(0.0, 0.0, 0)

    @contextmanager
    def generate(
        self, prompt_ids: list[int], sampling: GenerationParams, multimodal: MultimodalPrompt | None = None
    ) -> Iterator[Generation]:
        self._script.prompts.append(prompt_ids)
        self._script.sampling.append(sampling)
        self._script.multimodals.append(multimodal)
        generation = Generation(0, self)
        speaking = asyncio.create_task(self._speak(generation, self._script.reply(prompt_ids), sampling.token_limit))
        try:
            yield generation
        finally:
            speaking.cancel()

    async def _speak(self, generation: Generation, tokens: list[int], most: int) -> None:
        for token in tokens[:most]:
            await asyncio.sleep(self._script.pause)
            generation.put(TokenOutput(0, [token]))
        generation.put(TokenOutput(0, [], "length" if len(tokens) >= most else "stop"))

    async def stop(self, *, grace: float = 2.0) -> None:
        self.closed.set()
