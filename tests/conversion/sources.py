"""Small repositories in Hugging Face's format, as far as what is asked of them before an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 256,
    "intermediate_size": 512,
}


def make_source(directory: Path, config: dict[str, Any] = LLAMA, **files: str) -> Path:
    """`files`: further ones by name, a dot written as two underscores."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (directory / "README.md").write_text("---\nlicense: apache-2.0\n---\n# 模型\n", encoding="utf-8")
    write_safetensors(directory / "model.safetensors", {"weight": np.ones((256, 200), np.float16)})
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return directory


def write_safetensors(path: Path, tensors: dict[str, np.ndarray[Any, Any]]) -> None:
    """The format: the header's length in 8 bytes, the header in JSON, the tensors one after the other."""
    header: dict[str, Any] = {}
    at = 0
    for name, tensor in tensors.items():
        end = at + tensor.nbytes
        header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"".join(each.tobytes() for each in tensors.values()))
