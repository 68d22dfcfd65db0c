"""Which GGUF models OpenVINO GenAI reads, and how exactly."""

from __future__ import annotations

import re

from model_files.gguf import GgufSummary
from notices import Notice

READABLE_ARCHITECTURES = ("llama", "qwen2", "qwen3")
"""What OpenVINO GenAI's own reader takes (its documentation, "Run GGUF models")."""
READABLE_TYPES = frozenset({"F32", "F16", "Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q6_K"})
"""Of tensors: those with which OpenVINO GenAI 2026.4.1 was seen to load a model; Q2_K, Q3_K, Q5_0, Q5_1, Q5_K, IQ4_XS
and BF16 failed."""
_INEXACT = ("Q4_1", "Q4_K")
"""Tensor types that OpenVINO GenAI 2026.4.1 reads inexactly: docs/benchmarks.md, "Quality"."""
_PART_OF_MANY = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


def part_of_many(name: str) -> bool:
    return _PART_OF_MANY.search(name) is not None


def gguf_refusal(header: GgufSummary) -> str | None:
    """Why the library does not read a model, as far as its header tells."""
    if header.adapter:
        return "A LoRA adapter of another model, no model by itself. Merge the two, then convert the result."
    if header.architecture not in READABLE_ARCHITECTURES:
        known = ", ".join(READABLE_ARCHITECTURES)
        return Notice("notices.gguf_architecture", known=known, architecture=header.architecture)
    if unread := sorted(header.tensor_types - READABLE_TYPES):
        return Notice("notices.gguf_types", types=", ".join(unread))
    return None


def gguf_warnings(header: GgufSummary) -> tuple[str, ...]:
    """What costs quality though the model loads."""
    inexact = [name for name in _INEXACT if name in header.tensor_types]
    if not inexact:
        return ()
    return (Notice("notices.gguf_types_inexact", types=", ".join(inexact)),)
