"""The device server that the clients are tried against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients import house
from tests.clients.house import open_house


@contextmanager
def running_server(data_dir: Path) -> Iterator[dict[str, Any]]:
    """What the scripts must know of it."""
    with open_house(data_dir / "資料 夾") as running:
        yield {
            "url": running.url,
            "chat": house.CHAT,
            "embed": house.EMBED,
            "dimensions": house.DIMENSIONS,
            "question": house.QUESTION,
            "weather_question": house.WEATHER_QUESTION,
            "calling_question": house.CALLING_QUESTION,
            "weather_result": house.WEATHER_RESULT,
            "reported": house.REPORTED,
        }
