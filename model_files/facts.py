"""What is known of a model from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from memory.kv_cache import KvShape, kv_cache_bytes, kv_format
from model_files.embedding_facts import EmbeddingFacts
from model_files.tasks import task_of_kind

PROCESS_BYTES = 200 * 1024**2
"""What the process of an instance takes beside weights and KV cache."""
MIN_KV_TOKENS = 512
"""The smallest KV cache an instance gets."""


@dataclass(frozen=True)
class ModelFacts:
    """kind: one of model_kind.KINDS. Sizes in bytes, lengths in tokens.

    kv: what a token adds to the KV cache; kv_options: OpenVINO's properties of it that the files pin. quantization
    reads like "INT4_SYM g128 r1.0": mode, group size (-1: one scale a row), share of the weights in that mode.
    embedding: of an embedding model how it is used. problem: why the model cannot be used as it lies there;
    unsupported: that is because of what it is, its files may be whole. npu_problem: why not on an NPU. All say nothing
    where nothing speaks against it. warnings: what one should know of a model that works.
    """

    kind: str = "unknown"
    size_bytes: int = 0
    context_length: int | None = None
    quantization: str | None = None
    parameters: int | None = None
    architecture: str | None = None
    kv: KvShape | None = None
    kv_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    has_tokenizer: bool = False
    chat_template: bool = False
    tools: bool = False
    thinking: bool = False
    vision: bool = False
    video: bool = False
    embedding: EmbeddingFacts | None = None
    license: str | None = None
    runtime_version: str | None = None
    npu_problem: str | None = None
    problem: str | None = None
    unsupported: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def state(self) -> Literal["usable", "unsupported", "damaged"]:
        return "usable" if self.problem is None else "unsupported" if self.unsupported else "damaged"

    @property
    def abilities(self) -> tuple[str, ...]:
        """What it can be asked for. Without a chat template it continues texts only."""
        if self.problem is not None:
            return ()
        if task := task_of_kind(self.kind):
            return (task.name,)
        named = {
            "chat": self.chat_template,
            "tools": self.tools,
            "thinking": self.thinking,
            "vision": self.vision,
            "video": self.video,
        }
        return ("completion", *(name for name, able in named.items() if able))

    @property
    def least_bytes(self) -> int:
        """Memory without which no instance runs, whatever the settings; with the KV cache in 8 bits."""
        cache = kv_cache_bytes(self.kv, MIN_KV_TOKENS, kv_format("GPU", wanted="int8")) if self.kv else 0
        return self.size_bytes + PROCESS_BYTES + cache


def refused(facts: ModelFacts, sentence: str) -> ModelFacts:
    return replace(facts, problem=sentence, unsupported=True)
