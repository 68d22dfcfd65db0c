"""An embedding model as one graph from token ids to one vector a text.

The library's TextEmbeddingPipeline does not say how many tokens it read, so every text would be encoded twice. It also
skips what some graphs do after pooling.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino_genai as genai
from openvino import opset13 as ops

from instances.protocol import Pooling

_SENTENCE = "sentence_embedding"
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class SentenceModel:
    """`pooling` None: the graph itself ends in one vector a text, as sentence-transformers exports it. Raises
    ValueError on a graph that wants other inputs than `TextEmbeddingPipeline` gives."""

    def __init__(self, directory: Path, device: str, pooling: Pooling | None, properties: dict[str, Any]) -> None:
        core = ov.Core()
        model = core.read_model(directory / "openvino_model.xml")
        self._inputs = {port.get_any_name() for port in model.inputs}
        if unknown := sorted(self._inputs - _INPUTS):
            raise ValueError(f"this embedding model wants more than token ids: {', '.join(unknown)}")
        _end_in_vectors(model, pooling)
        self._request = core.compile_model(model, device, properties).create_infer_request()

    def vectors(self, encoded: genai.TokenizedInputs) -> npt.NDArray[np.float32]:
        """One row a text, of length 1."""
        inputs: dict[str, Any] = {"input_ids": encoded.input_ids, "attention_mask": encoded.attention_mask}
        if "token_type_ids" in self._inputs:
            inputs["token_type_ids"] = np.zeros_like(encoded.input_ids.data)
        self._request.infer(inputs)
        rows = self._request.get_output_tensor().data.astype("<f4")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _end_in_vectors(model: ov.Model, pooling: Pooling | None) -> None:
    if pooling is None:
        vectors = model.output(_SENTENCE).get_node().input_value(0)
    else:
        hidden = ops.convert(model.outputs[0].get_node().input_value(0), "f32")
        vectors = _pooled(hidden, model.input("attention_mask"), pooling).output(0)
    for result in model.get_results():
        model.remove_result(result)
    model.add_results([ops.result(vectors)])


def _pooled(hidden: ov.Node, mask: ov.Output, pooling: Pooling) -> ov.Node:
    """One vector of those of a text's tokens, [texts, tokens, size]: the first, the last, or the mean of them, padding
    left out on either side."""
    texts, tokens = (ops.constant(axis, dtype=np.int64) for axis in (0, 1))
    if pooling == "cls":
        return ops.gather(hidden, texts, tokens)
    if pooling == "last_token":
        length = ops.gather(ops.shape_of(mask), tokens, texts)
        places = ops.range(texts, length, ops.constant(1, dtype=np.int64), output_type="i64")
        last = ops.reduce_max(ops.multiply(mask, places), tokens)
        return ops.gather(hidden, last, tokens, batch_dims=1)
    weights = ops.unsqueeze(ops.convert(mask, "f32"), ops.constant(2, dtype=np.int64))
    count = ops.maximum(ops.reduce_sum(weights, tokens), ops.constant(1, dtype=np.float32))
    return ops.divide(ops.reduce_sum(ops.multiply(hidden, weights), tokens), count)
