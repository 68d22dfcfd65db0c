"""From the model file of CTranslate2 that the Whisper packages hold to Hugging Face's format, which optimum exports."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import (
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_BASE = {"d_model": 512, "heads": 8, "layers": 6, "ffn": 2048}
_NORM = {"gamma": "weight", "beta": "bias"}
Arrays = dict[str, npt.NDArray[Any]]


def unpack(packed: bytes, tokenizer: bytes, folder: Path) -> None:
    config = WhisperConfig(
        vocab_size=51865,
        d_model=_BASE["d_model"],
        encoder_layers=_BASE["layers"],
        decoder_layers=_BASE["layers"],
        encoder_attention_heads=_BASE["heads"],
        decoder_attention_heads=_BASE["heads"],
        encoder_ffn_dim=_BASE["ffn"],
        decoder_ffn_dim=_BASE["ffn"],
        decoder_start_token_id=50258,
        eos_token_id=50257,
        pad_token_id=50257,
        bos_token_id=50257,
    )
    model = WhisperForConditionalGeneration(config)
    missing, unexpected = model.load_state_dict(_tensors(_variables(packed)), strict=False)
    if unexpected or set(missing) - {"proj_out.weight"}:
        raise ValueError(f"not Whisper base as expected: {missing} {unexpected}")
    model.tie_weights()
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_bytes(tokenizer)
    fast = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="<|endoftext|>")
    ids = fast.get_vocab()
    languages = {name: id for name, id in ids.items() if name.startswith("<|") and 50259 <= id <= 50357}
    model.generation_config.update(
        is_multilingual=True,
        lang_to_id=languages,
        task_to_id={"translate": 50358, "transcribe": 50359},
        no_timestamps_token_id=50363,
        decoder_start_token_id=50258,
        forced_decoder_ids=None,
        suppress_tokens=[],
        begin_suppress_tokens=[220, 50257],
        max_length=448,
    )
    model.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    fast.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings["tokenizer_class"] = "WhisperTokenizer"
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _variables(packed: bytes) -> Arrays:
    """The file's layout: version, a name, a revision, then each variable with name, shape, type and bytes."""
    at = 0

    def take(layout: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{layout}", packed, at)
        at += struct.calcsize(f"<{layout}")
        return value

    def text() -> str:
        nonlocal at
        length = take("H")
        value = packed[at : at + length].rstrip(b"\0").decode("utf-8")
        at += length
        return value

    take("I")
    text()
    take("I")
    found: Arrays = {}
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = take("B"), take("I")
        found[name] = np.frombuffer(packed, _TYPES[kind], size // np.dtype(_TYPES[kind]).itemsize, at).reshape(shape)
        at += size
    return found


def _tensors(variables: Arrays) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}

    def put(name: str, value: npt.NDArray[Any]) -> None:
        state[name] = torch.tensor(value.astype(np.float32))

    def norm(ours: str, theirs: str) -> None:
        for theirs_part, part in _NORM.items():
            put(f"{ours}.{part}", variables[f"{theirs}/{theirs_part}"])

    def linear(ours: str, theirs: str, names: tuple[str, ...] = ("",)) -> None:
        """One matrix of theirs is several of ours, one below the other."""
        for part in ("weight", "bias"):
            for name, value in zip(names, np.split(variables[f"{theirs}/{part}"], len(names)), strict=True):
                if (name, part) != ("k_proj", "bias"):  # Whisper's keys have none; there it is zero
                    put(".".join(filter(None, (ours, name, part))), value)

    for side in ("encoder", "decoder"):
        top = f"model.{side}"
        put(f"{top}.embed_positions.weight", variables[f"{side}/position_encodings/encodings"])
        norm(f"{top}.layer_norm", f"{side}/layer_norm")
        for index in range(_BASE["layers"]):
            ours, theirs = f"{top}.layers.{index}", f"{side}/layer_{index}"
            norm(f"{ours}.self_attn_layer_norm", f"{theirs}/self_attention/layer_norm")
            linear(f"{ours}.self_attn", f"{theirs}/self_attention/linear_0", ("q_proj", "k_proj", "v_proj"))
            linear(f"{ours}.self_attn.out_proj", f"{theirs}/self_attention/linear_1")
            norm(f"{ours}.final_layer_norm", f"{theirs}/ffn/layer_norm")
            linear(f"{ours}.fc1", f"{theirs}/ffn/linear_0")
            linear(f"{ours}.fc2", f"{theirs}/ffn/linear_1")
            if side == "decoder":
                norm(f"{ours}.encoder_attn_layer_norm", f"{theirs}/attention/layer_norm")
                linear(f"{ours}.encoder_attn.q_proj", f"{theirs}/attention/linear_0")
                linear(f"{ours}.encoder_attn", f"{theirs}/attention/linear_1", ("k_proj", "v_proj"))
                linear(f"{ours}.encoder_attn.out_proj", f"{theirs}/attention/linear_2")
    for number in (1, 2):
        linear(f"model.encoder.conv{number}", f"encoder/conv{number}")
    put("model.decoder.embed_tokens.weight", variables["decoder/embeddings/weight"])
    return state
