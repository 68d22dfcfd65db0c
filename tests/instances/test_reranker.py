"""Scores of many short texts for a longer query, where the library writes past the end of its memory."""

from pathlib import Path

import numpy as np
import pytest

from instances.handle import Instance
from instances.protocol import LoadModel, ScoreTexts

MODEL = Path(__file__).resolve().parent.parent / "models" / "test_reranker"
QUERY = "which port does the model server have " * 3
TEXTS = [
    ["a", "b", "c", "d", ""],
    ["port"] * 12,
    ["", "the port of the server is in its configuration, " * 6, "", "x", "y"],
]


@pytest.mark.parametrize("texts", TEXTS)
async def test_texts_shorter_than_the_query_are_scored_as_each_by_itself(texts: list[str]) -> None:
    instance = Instance(LoadModel(str(MODEL), "CPU", "rerank", {}, None, 0, 256, 0))
    await instance.load()
    try:
        together = await instance.compute(ScoreTexts(0, QUERY, texts))
        single = [await instance.compute(ScoreTexts(0, QUERY, [text])) for text in texts]
        expected = [np.frombuffer(rows.data, dtype="<f4")[0] for rows in single]
        assert np.frombuffer(together.data, dtype="<f4") == pytest.approx(expected, abs=1e-5)
        assert together.tokens == [rows.tokens[0] for rows in single]
        assert not instance.closed.is_set()
    finally:
        await instance.stop()
