"""An embedding model whose graph ends in one vector a text: nothing is left to pool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino_genai as genai

OUTPUT = "sentence_embedding"


class SentenceModel:
    """sentence-transformers' own export by OpenVINO itself: the library's pipeline would read its other output, and
    know nothing of what comes after the pooling."""

    def __init__(
        self, directory: Path, device: str, tokenizer: genai.Tokenizer, max_tokens: int, properties: dict[str, Any]
    ) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        compiled = ov.Core().compile_model(directory / "openvino_model.xml", device, properties)
        self._inputs = {name for port in compiled.inputs for name in port.get_names()}
        self._request = compiled.create_infer_request()

    def vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One row a text, of length 1."""
        encoded = self._tokenizer.encode(list(texts), max_length=self._max_tokens, truncation=True)
        inputs = {"input_ids": encoded.input_ids.data, "attention_mask": encoded.attention_mask.data}
        if "token_type_ids" in self._inputs:
            inputs["token_type_ids"] = np.zeros_like(inputs["input_ids"])
        self._request.infer({name: value for name, value in inputs.items() if name in self._inputs})
        rows = np.array(self._request.get_tensor(OUTPUT).data, dtype="<f4")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
