from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest

from memory.kv_cache import KvShape
from model_files.gguf import load_path, read_control_tokens
from model_files.model_facts import read_facts

VALUES: dict[str, Any] = {
    "general.architecture": "qwen2",
    "qwen2.block_count": 2,
    "qwen2.context_length": 4096,
    "qwen2.embedding_length": 64,
    "qwen2.attention.head_count": 4,
    "qwen2.attention.head_count_kv": 2,
    "tokenizer.chat_template": "{% if tools %}{{ tools }}{% endif %}",
    "tokenizer.ggml.tokens": ["a", "模", "<|end|>"],
    "tokenizer.ggml.token_type": [1, 1, 3],
}
Q8_0, F32, Q5_0, Q4_1 = 8, 0, 6, 3


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value, list) and isinstance(value[0], int):
        return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(item) for item in value)
    return struct.pack("<II", 4, value)


def gguf(values: dict[str, Any], matrix_type: int = Q8_0) -> bytes:
    """Two tensors: 64 x 32 in Q8_0 (34 bytes a block of 32), 64 in F32."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, len(values))
    head += b"".join(text(key) + value_bytes(value) for key, value in values.items())
    matrix_bytes = 64 * 32 // 32 * 34
    head += text("blk.0.weight") + struct.pack("<IQQIQ", 2, 64, 32, matrix_type, 0)
    head += text("blk.0.norm") + struct.pack("<IQIQ", 1, 64, F32, matrix_bytes)
    return head + b"\0" * (-len(head) % 32) + b"\0" * (matrix_bytes + 64 * 4)


def test_what_a_gguf_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "model-q8_0.gguf").write_bytes(gguf(VALUES))
    facts = read_facts(tmp_path)
    assert facts.problem is None
    assert (facts.kind, facts.architecture, facts.context_length) == ("gguf", "qwen2", 4096)
    assert (facts.parameters, facts.quantization) == (64 * 32 + 64, "Q8_0")
    assert facts.kv == KvShape(2 * 2 * 16, 2 * 2 * 16, 2 * 2)
    assert (facts.has_tokenizer, facts.chat_template, facts.tools, facts.thinking) == (True, True, True, False)


def test_a_gguf_the_library_cannot_load_or_that_is_not_alone_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(gguf(VALUES | {"general.architecture": "gemma3"}))
    assert "gemma3" in (read_facts(tmp_path).problem or "")
    (tmp_path / "b.gguf").write_bytes(gguf(VALUES))
    assert "2 GGUF models" in (read_facts(tmp_path).problem or "")


def test_a_quantisation_that_the_library_does_not_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(gguf(VALUES, Q5_0))
    assert "Q5_0" in (read_facts(tmp_path).problem or "")


def test_a_quantisation_that_is_read_inexactly_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(gguf(VALUES | {"general.file_type": 3}, Q4_1))
    facts = read_facts(tmp_path)
    assert (facts.problem, facts.quantization) == (None, "Q4_1")
    assert "Q4_1 inexactly" in facts.warnings[0]
    (tmp_path / "a.gguf").write_bytes(gguf(VALUES | {"general.file_type": 7}))
    assert read_facts(tmp_path).warnings == ()


def test_the_quantisation_is_the_one_that_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(gguf(VALUES | {"general.file_type": 15, "general.license": "mit"}))
    facts = read_facts(tmp_path)
    assert (facts.quantization, facts.license) == ("Q4_K_M", "mit")


def test_a_gguf_cut_anywhere_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    whole = gguf(VALUES)
    path = tmp_path / "a.gguf"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert read_facts(tmp_path).problem


@pytest.mark.parametrize("seed", range(3))
def test_a_gguf_with_any_bytes_changed_is_no_exception(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "a.gguf"
    for _ in range(100):
        spoilt = bytearray(gguf(VALUES))
        for _ in range(chance.randint(1, 4)):
            spoilt[chance.randrange(500)] = chance.choice([0, 1, 0x7F, 0xFF])
        path.write_bytes(spoilt)
        assert read_facts(tmp_path).kind == "gguf"


def test_a_header_that_promises_more_than_memory_holds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 62))
    assert "too long" in (read_facts(tmp_path).problem or "")


def test_the_tokens_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(gguf(VALUES))
    assert read_control_tokens(path) == {2: "<|end|>"}
    path.write_bytes(gguf({key: value for key, value in VALUES.items() if "token_type" not in key}))
    assert read_control_tokens(path) == {}


def test_the_library_is_handed_the_file(tmp_path: Path) -> None:
    assert load_path(tmp_path) == tmp_path
    (tmp_path / "mmproj-a.gguf").touch()
    (tmp_path / "a.gguf").touch()
    assert load_path(tmp_path) == tmp_path / "a.gguf"
    (tmp_path / "b.gguf").touch()
    assert load_path(tmp_path) == tmp_path
