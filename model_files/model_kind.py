"""What a model's folder holds, by its files, and why that is not served, where it is not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model_files.ir_xml import IrSummary
from model_files.model_config import ModelConfig, read_json
from notices import Notice

KINDS = (
    "llm", "vlm", "embedding", "reranker", "gguf", "whisper", "tts", "image", "seq2seq", "classifier", "lora",
    "eagle3", "dflash", "unconverted", "unknown",
)  # fmt: skip
NOT_SERVED = {
    "seq2seq": Notice("notices.kind_encoder_decoder"),
    "eagle3": Notice("notices.kind_eagle3"),
    "dflash": Notice("notices.kind_dflash"),
}
"""Kinds that are known for certain and not served, with the sentence that says so."""
_HEADS = ("eagle3", "dflash")
"""They draft from what another model computes, and are marked by the exporter."""
_SPEECH = re.compile(r"whisper|speech.?(to.?text|recognition)|moonshine|parakeet|paraformer", re.IGNORECASE)
_SOUNDS = ("input_features", "input_values")
_OTHER_SENSES = ("pixel_values", *_SOUNDS)
_WEIGHTS_ELSEWHERE = {".safetensors": "PyTorch", ".pt": "PyTorch", ".pth": "PyTorch", ".onnx": "ONNX", ".h5": "Keras"}
UNFINISHED = (".part", ".partial", ".incomplete", ".crdownload", ".aria2")


@dataclass(frozen=True)
class ModelKind:
    """name: one of KINDS. refusal: the sentence that says why it is not served; the files may be whole all the same."""

    name: str
    refusal: str | None = None


def kind_of_files(paths: Collection[str], hint: str = "") -> str | None:
    """The kind that names of files alone tell; None where a look inside is needed. hint: what else names the model,
    like its architecture or its task on the hub."""
    names = {path for path in paths if "/" not in path}
    if "model_index.json" in names:
        return "image"
    if {"openvino_language_model.xml", "openvino_text_embeddings_model.xml"} <= names:
        return "vlm"
    if {"openvino_postnet.xml", "openvino_vocoder.xml"} <= names or "kokoro" in hint.lower():
        return "tts"
    if {"openvino_encoder_model.xml", "openvino_decoder_model.xml"} <= names:
        return "whisper" if _SPEECH.search(hint) or "preprocessor_config.json" in names else "seq2seq"
    if "openvino_model.xml" in names:
        return None
    if any(name.endswith(".gguf") for name in names):
        return "gguf"
    return "lora" if "adapter_config.json" in names else None


def refusal_of_files(paths: Collection[str], hint: str = "") -> str | None:
    """Why a model is not served, as far as the names of its files tell."""
    kind = kind_of_files(paths, hint)
    return Notice("notices.lora_adapter") if kind == "lora" else NOT_SERVED.get(kind or "")


def kind_of(directory: Path, irs: Mapping[Path, IrSummary], config: ModelConfig) -> ModelKind:
    """Raises OSError."""
    names = [path.name for path in directory.iterdir()]
    architecture = config.architecture or ""
    found = kind_of_files(names, f"{architecture} {config.model_type}")
    if found == "lora":
        return ModelKind("lora", _adapter_sentence(directory))
    encoder = irs.get(directory / "openvino_encoder_model.xml")
    if found in ("whisper", "seq2seq") and encoder is not None:
        return _encoder_decoder(encoder, found)
    if found is not None:
        return ModelKind(found, NOT_SERVED.get(found))
    ir = irs.get(directory / "openvino_model.xml")
    if ir is None:
        return _without_ir(directory, names)
    for head in _HEADS:
        if f"{head}_mode" in ir.rt_info:
            return ModelKind(head, NOT_SERVED[head])
    if ir.inputs.intersection(_OTHER_SENSES):
        return _of_another_sense(ir)
    if not ir.inputs.intersection(("input_ids", "inputs_embeds")):
        return ModelKind("unknown", Notice("notices.kind_no_text"))
    if "beam_idx" in ir.inputs and "logits" in ir.outputs:
        # Qwen3's rerankers are language models by their files; only their names tell.
        asks = architecture.startswith("Qwen3") and "rerank" in directory.name.lower()
        return ModelKind("reranker" if asks else "llm")
    return _encoder(ir, architecture, config.labels)


def _encoder_decoder(encoder: IrSummary, found: str) -> ModelKind:
    """What the encoder takes tells more than any name: a picture reader has a preprocessor too. found: by its files."""
    if encoder.inputs.intersection(_SOUNDS):
        return ModelKind("whisper")
    if encoder.inputs.intersection(_OTHER_SENSES):
        return _of_another_sense(encoder)
    found = "seq2seq" if "input_ids" in encoder.inputs else found
    return ModelKind(found, NOT_SERVED.get(found))


def _of_another_sense(ir: IrSummary) -> ModelKind:
    senses = " and ".join(sorted(ir.inputs.intersection(_OTHER_SENSES)))
    return ModelKind("unknown", Notice("notices.kind_other_inputs", inputs=senses))


def _encoder(ir: IrSummary, architecture: str, labels: int | None) -> ModelKind:
    if architecture.endswith("ForSequenceClassification"):
        if labels == 1:
            return ModelKind("reranker")
        return ModelKind("classifier", Notice("notices.kind_classifier", count=labels or 2))
    if not ir.outputs.intersection(("logits", "start_logits")):
        return ModelKind("embedding")
    if architecture.endswith("ForCausalLM") or "LMHead" in architecture:
        return ModelKind("llm", Notice("notices.kind_without_kv_cache"))
    return ModelKind("classifier", Notice("notices.kind_labels_words"))


def _without_ir(directory: Path, names: Iterable[str]) -> ModelKind:
    if "openvino_model.bin" in names:
        return ModelKind("unknown")  # half a model: what is missing is said elsewhere
    foreign = sorted(names) + sorted(f"onnx/{path.name}" for path in directory.glob("onnx/*.onnx"))
    for name in foreign:
        origin = _WEIGHTS_ELSEWHERE.get(Path(name).suffix.lower())
        if origin is None and name.startswith("pytorch_model") and name.endswith(".bin"):
            origin = "PyTorch"
        if origin:
            if name.endswith(".safetensors"):
                command = f'main.py convert "{directory}"'
                return ModelKind("unconverted", Notice("notices.safetensors_here", file=name, command=command))
            return ModelKind("unconverted", Notice("notices.other_weights", file=name, origin=origin))
    if any(name.endswith(UNFINISHED) for name in names):
        return ModelKind("unknown")
    return ModelKind("unknown", Notice("notices.no_ir"))


def missing_part(directory: Path) -> str | None:
    """What a download that broke off has left out, where no IR tells."""
    unfinished = sorted(path.name for path in directory.iterdir() if path.name.endswith(UNFINISHED))
    if unfinished:
        return Notice("notices.download_unfinished", file=unfinished[0])
    if (directory / "openvino_model.bin").is_file() and not (directory / "openvino_model.xml").is_file():
        return Notice("notices.file_missing", file="openvino_model.xml")
    return None


def _adapter_sentence(directory: Path) -> str:
    try:
        base = read_json(directory / "adapter_config.json").get("base_model_name_or_path")
    except (OSError, ValueError):
        base = None
    model = base if isinstance(base, str) and base else Notice("notices.another_model")
    return Notice("notices.lora_adapter_of", base=model)
