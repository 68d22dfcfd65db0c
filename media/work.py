"""What a model of sound or images makes of one piece of work."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

import msgspec

from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.request_id import current_client

T = TypeVar("T", bound=msgspec.Struct)


async def results(
    manager: ModelManager, model: ServedModel, asked: msgspec.Struct, kind: type[T], timings: Timings
) -> AsyncGenerator[T, None]:
    """The results of `asked`, which are of one `kind`. Raises as `ModelManager.work`."""
    data = msgspec.msgpack.encode(asked)
    async with aclosing(manager.work(model.id, data, timings, client=current_client())) as pieces:
        async for piece in pieces:
            yield msgspec.msgpack.decode(piece, type=kind)
