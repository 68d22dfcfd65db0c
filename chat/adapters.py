"""The tokenizers of a device's models, loaded when a model is first asked, and how each of them speaks."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from chat.adapter import ChatAdapter, make_adapter
from chat.tokenizer import ChatTokenizer
from pools.errors import ModelLoadFailed
from pools.served_model import ServedModel
from web.errors import InvalidRequest


class ChatAdapters:
    """One tokenizer a model, one speech a model and chat template."""

    def __init__(self, load_tokenizer: Callable[[Path], ChatTokenizer]) -> None:
        self._load_tokenizer = load_tokenizer
        self._tokenizers: dict[str, asyncio.Task[ChatTokenizer]] = {}
        self._speeches: dict[tuple[str, str | None], ChatAdapter] = {}

    async def adapter(self, model: ServedModel) -> ChatAdapter:
        """Raises as `tokenizer`."""
        tokenizer = await self.tokenizer(model)
        key = (model.id, model.model_defaults.template)
        adapter = self._speeches.get(key)
        if adapter is None or adapter.tokenizer.source is not tokenizer.source:
            if model.model_defaults.template is not None:
                tokenizer = tokenizer.with_template(model.model_defaults.template)
            chosen = model.assignment.tool_dialect
            adapter = make_adapter(tokenizer, thinks=model.facts.thinking, dialect_name=chosen)
            self._speeches[key] = adapter
        return adapter

    def forget(self, model_id: str) -> None:
        """Let go of a model's tokenizer, which keeps files of it open."""
        self._tokenizers.pop(model_id, None)
        self._speeches = {key: adapter for key, adapter in self._speeches.items() if key[0] != model_id}

    async def tokenizer(self, model: ServedModel) -> ChatTokenizer:
        """Raises `InvalidRequest` on a model that does not generate."""
        model.require("generation")
        if model.problem:
            raise ModelLoadFailed(f"The model '{model.public_id}' cannot be used: {model.problem}")
        task = self._tokenizers.get(model.id)
        if task is None or (task.done() and task.exception()):
            task = asyncio.create_task(asyncio.to_thread(self._load_tokenizer, model.directory))
            self._tokenizers[model.id] = task
        try:
            return await asyncio.shield(task)
        except RuntimeError as error:
            raise InvalidRequest(f"The tokenizer of '{model.public_id}' could not be loaded: {error}") from error
