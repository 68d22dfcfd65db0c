"""Builds the tiny random-weight GGUF that the tests load: python tools/build_test_gguf.py tests/models/test_gguf

Needs the package gguf (MIT), which the server itself does not. What it answers means nothing; the file is like those
that llama.cpp's converter makes of a Qwen2.
"""

import argparse
from pathlib import Path

import gguf
import numpy as np

NAME = "test-gguf-Q8_0.gguf"
LAYERS, WIDTH, HEADS, KV_HEADS, INNER, CONTEXT = 2, 64, 2, 1, 128, 2048
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["t h", "i n", "e r", "o n"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the directory that gets the file")
    target = parser.parse_args().target
    target.mkdir(parents=True, exist_ok=True)
    write(target / NAME, np.random.default_rng(20))
    print(f"{target / NAME}: {(target / NAME).stat().st_size:,} bytes")


def write(path: Path, random: np.random.Generator) -> None:
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("Tiny test model")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    tokens = add_tokenizer(writer)
    add_weights(writer, random, tokens)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tokenizer(writer: gguf.GGUFWriter) -> int:
    """A byte-level BPE: every byte, a few merges, the special tokens. The number of tokens."""
    letters = list(byte_letters().values())
    merged = [merge.replace(" ", "") for merge in MERGES]
    tokens = [*letters, *merged, *SPECIAL]
    kinds = [gguf.TokenType.NORMAL] * (len(letters) + len(merged)) + [gguf.TokenType.CONTROL] * len(SPECIAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(MERGES)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


def byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte in byte-level BPE vocabularies."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(others)}


def add_weights(writer: gguf.GGUFWriter, random: np.random.Generator, tokens: int) -> None:
    def matrix(name: str, rows: int, columns: int) -> None:
        values = (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)
        quantized = gguf.quantize(values, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    def vector(name: str, length: int, value: float) -> None:
        writer.add_tensor(name, np.full(length, value, np.float32))

    key_width = WIDTH // HEADS * KV_HEADS
    matrix("token_embd.weight", tokens, WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        vector(f"{block}.attn_norm.weight", WIDTH, 1.0)
        vector(f"{block}.ffn_norm.weight", WIDTH, 1.0)
        for part, rows in (("q", WIDTH), ("k", key_width), ("v", key_width)):
            matrix(f"{block}.attn_{part}.weight", rows, WIDTH)
            vector(f"{block}.attn_{part}.bias", rows, 0.01)
        matrix(f"{block}.attn_output.weight", WIDTH, WIDTH)
        matrix(f"{block}.ffn_gate.weight", INNER, WIDTH)
        matrix(f"{block}.ffn_up.weight", INNER, WIDTH)
        matrix(f"{block}.ffn_down.weight", WIDTH, INNER)
    vector("output_norm.weight", WIDTH, 1.0)
    matrix("output.weight", tokens, WIDTH)


if __name__ == "__main__":
    main()
