"""Builds the tiny random-weight models of speech and pictures that the tests load.

    python tools/build_media_models.py tests/models [name …]

Needs torch, transformers, diffusers and optimum-intel, which the server itself does not. What they say and draw means
nothing; their files are those of real models.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from openvino import save_model
from openvino_tokenizers import convert_tokenizer
from optimum.intel import OVModelForSpeechSeq2Seq
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

_LANGUAGES = ("en", "zh", "de")
_STEPS = 1501
"""Times that a window of 30 s has tokens for, 0.02 s apart."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the directory that gets one folder per model")
    parser.add_argument("names", nargs="*", help="which models to build; default: all")
    options = parser.parse_args()
    builders: dict[str, Callable[[Path], None]] = {"test_whisper": build_whisper}
    for name in options.names or builders:
        torch.manual_seed(20)
        directory = options.target / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        builders[name](directory)
        size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        print(f"{directory}: {size:,} bytes")


def build_whisper(directory: Path) -> None:
    """Two layers each way; single bytes, three languages and all times as tokens."""
    marks = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{each}|>" for each in _LANGUAGES)]
    marks += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    times = [f"<|{step / 50:.2f}|>" for step in range(_STEPS)]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {token: index for index, token in enumerate([*alphabet, *marks, *times])}
    whole = Tokenizer(models.BPE(ids, []))
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.decoder = decoders.ByteLevel()
    whole.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    whole.add_tokens([AddedToken(time, special=False, normalized=False) for time in times])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=whole, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(ids),
        d_model=128,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        init_std=0.5,
        decoder_start_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        bos_token_id=end,
    )
    generation = {
        "is_multilingual": True,
        "lang_to_id": {f"<|{each}|>": ids[f"<|{each}|>"] for each in _LANGUAGES},
        "task_to_id": {"translate": ids["<|translate|>"], "transcribe": ids["<|transcribe|>"]},
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "max_initial_timestamp_index": 50,
        "alignment_heads": [[1, 0], [1, 1]],
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": start,
        "suppress_tokens": [ids[mark] for mark in marks[1:-1]],
        "begin_suppress_tokens": [end],
        "max_length": 32,
    }
    with tempfile.TemporaryDirectory() as source:
        WhisperForConditionalGeneration(config).eval().save_pretrained(source)
        WhisperFeatureExtractor(feature_size=80).save_pretrained(source)
        tokenizer.save_pretrained(source)
        (Path(source) / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
        OVModelForSpeechSeq2Seq.from_pretrained(source, export=True, load_in_8bit=False).save_pretrained(directory)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(directory)
    (directory / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n", encoding="utf-8")
    _save_tokenizer(tokenizer, directory)


def _save_tokenizer(tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    tokenizer.save_pretrained(directory)
    converted = convert_tokenizer(tokenizer, with_detokenizer=True, skip_special_tokens=False)
    for name, part in zip(("openvino_tokenizer", "openvino_detokenizer"), converted, strict=True):
        save_model(part, directory / f"{name}.xml")


if __name__ == "__main__":
    main()
