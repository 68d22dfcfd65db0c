"""Folders with GGUF files as users have them on their disks: what llama.cpp and downloads leave behind."""

from __future__ import annotations

from pathlib import Path

from tests.model_files.test_gguf import VALUES, gguf
from tests.model_files.tiny_models import LFS_POINTER, write

Q4_1, Q5_K = 3, 13


def gguf_model(directory: Path) -> None:
    write(directory, "model-q8_0.gguf", gguf(VALUES))


def inexact_gguf(directory: Path) -> None:
    write(directory, "model-q4_1.gguf", gguf(VALUES | {"general.file_type": 3}, Q4_1))


def gguf_of_another_architecture(directory: Path) -> None:
    write(directory, "model.gguf", gguf(VALUES | {"general.architecture": "gemma3"}))


def gguf_embedding(directory: Path) -> None:
    write(directory, "model.gguf", gguf(VALUES | {"general.architecture": "nomic-bert"}))


def gguf_quantised_otherwise(directory: Path) -> None:
    write(directory, "model.gguf", gguf(VALUES | {"general.file_type": 17}, Q5_K))


def gguf_with_a_projector(directory: Path) -> None:
    gguf_model(directory)
    write(directory, "mmproj-model-f16.gguf", b"GGUF")


def gguf_projector_alone(directory: Path) -> None:
    write(directory, "mmproj-model-f16.gguf", b"GGUF")


def gguf_in_parts(directory: Path) -> None:
    for part in (1, 2):
        write(directory, f"model-0000{part}-of-00002.gguf", gguf(VALUES))


def several_gguf(directory: Path) -> None:
    for quantization in ("Q4_K_M", "Q8_0"):
        write(directory, f"model-{quantization}.gguf", gguf(VALUES))


def gguf_adapter(directory: Path) -> None:
    write(directory, "lora.gguf", gguf(VALUES | {"general.type": "adapter"}))


def gguf_cut_short(directory: Path) -> None:
    whole = gguf(VALUES)
    write(directory, "model.gguf", whole[: len(whole) - 8])


def gguf_pointer(directory: Path) -> None:
    write(directory, "model.gguf", LFS_POINTER)
