"""Folders as users have them on their disks, with tiny weights: what optimum and downloads leave behind."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import openvino as ov
from openvino import opset13 as ops

from tests.model_files.gguf_layouts import (
    gguf_adapter,
    gguf_cut_short,
    gguf_embedding,
    gguf_in_parts,
    gguf_model,
    gguf_of_another_architecture,
    gguf_pointer,
    gguf_projector_alone,
    gguf_quantised_otherwise,
    gguf_with_a_projector,
    inexact_gguf,
    several_gguf,
)
from tests.model_files.tiny_models import LFS_POINTER, add_tokenizer, make_encoder, make_llm, model, write


def graph(path: Path, *, inputs: dict[str, int], output: str = "last_hidden_state") -> None:
    """An IR with these inputs (name: dimensions) and one output."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parameters = []
    for name, rank in inputs.items():
        parameters.append(ops.parameter([-1] * rank, ov.Type.f32, name=name))
        parameters[-1].output(0).get_tensor().set_names({name})
    total = ops.add(ops.reduce_sum(parameters[0], ops.constant([0]), False), ops.constant([1.0, 2.0], ov.Type.f32))
    total.output(0).get_tensor().set_names({output})
    ov.save_model(model([total], parameters), path, compress_to_fp16=False)


def optimum_llm(directory: Path) -> None:
    make_llm(directory)


def optimum_llm_without_past(directory: Path) -> None:
    graph(directory / "openvino_model.xml", inputs={"input_ids": 2, "attention_mask": 2}, output="logits")
    write(directory, "config.json", {"architectures": ["LlamaForCausalLM"], "model_type": "llama"})
    add_tokenizer(directory)


def optimum_embedding(directory: Path) -> None:
    """--task feature-extraction --library transformers: no word of the pooling."""
    make_encoder(directory)


def optimum_sentence_transformers(directory: Path) -> None:
    make_encoder(directory, sentence_output=True)


def sentence_transformers_backend(directory: Path) -> None:
    """SentenceTransformer(backend="openvino").save_pretrained: the IR in a folder of its own, the rest around it."""
    make_encoder(directory)
    write(directory, "modules.json", [{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])
    write(directory, "1_Pooling/config.json", {"pooling_mode_cls_token": True})
    write(directory, "sentence_bert_config.json", {"max_seq_length": 128})


def reranker(directory: Path) -> None:
    graph(directory / "openvino_model.xml", inputs={"input_ids": 2, "attention_mask": 2}, output="logits")
    config = {"architectures": ["XLMRobertaForSequenceClassification"], "id2label": {"0": "LABEL_0"}}
    write(directory, "config.json", config)
    add_tokenizer(directory)


def classifier(directory: Path) -> None:
    reranker(directory)
    labels = {"0": "negative", "1": "neutral", "2": "positive"}
    write(directory, "config.json", {"architectures": ["BertForSequenceClassification"], "id2label": labels})


def masked_language_model(directory: Path) -> None:
    reranker(directory)
    write(directory, "config.json", {"architectures": ["BertForMaskedLM"], "model_type": "bert"})


def vision_language(directory: Path) -> None:
    make_llm(directory, config={"architectures": ["LlavaForConditionalGeneration"]})
    for suffix in ("xml", "bin"):
        (directory / f"openvino_model.{suffix}").rename(directory / f"openvino_language_model.{suffix}")
    graph(directory / "openvino_text_embeddings_model.xml", inputs={"input": 2})
    graph(directory / "openvino_vision_embeddings_model.xml", inputs={"pixel_values": 4})


def whisper(directory: Path) -> None:
    graph(directory / "openvino_encoder_model.xml", inputs={"input_features": 3})
    graph(directory / "openvino_decoder_model.xml", inputs={"input_ids": 2, "beam_idx": 1}, output="logits")
    config = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"}
    write(directory, "config.json", config)
    write(directory, "preprocessor_config.json", {"feature_extractor_type": "WhisperFeatureExtractor"})
    write(directory, "generation_config.json", {"lang_to_id": {"<|en|>": 50259}})
    add_tokenizer(directory)


def whisper_without_a_name(directory: Path) -> None:
    """Nothing but its graphs tells."""
    graph(directory / "openvino_encoder_model.xml", inputs={"input_features": 3})
    graph(directory / "openvino_decoder_model.xml", inputs={"input_ids": 2, "beam_idx": 1}, output="logits")
    add_tokenizer(directory)


def picture_reader(directory: Path) -> None:
    """TrOCR, Donut: an encoder of pictures, a decoder of texts, a preprocessor as speech models have it."""
    graph(directory / "openvino_encoder_model.xml", inputs={"pixel_values": 4})
    graph(directory / "openvino_decoder_model.xml", inputs={"input_ids": 2, "beam_idx": 1}, output="logits")
    write(directory, "config.json", {"architectures": ["VisionEncoderDecoderModel"]})
    write(directory, "preprocessor_config.json", {"image_processor_type": "ViTImageProcessor"})


def t5(directory: Path) -> None:
    graph(directory / "openvino_encoder_model.xml", inputs={"input_ids": 2})
    graph(directory / "openvino_decoder_model.xml", inputs={"input_ids": 2, "beam_idx": 1}, output="logits")
    write(directory, "config.json", {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"})


def adapter(directory: Path) -> None:
    t5(directory)
    graph(directory / "openvino_postnet.xml", inputs={"raw_spectrogram": 3})
    graph(directory / "openvino_vocoder.xml", inputs={"spectrogram": 3})


def stable_diffusion(directory: Path) -> None:
    write(directory, "model_index.json", {"_class_name": "StableDiffusionPipeline"})
    for part in ("unet", "text_encoder", "vae_decoder"):
        graph(directory / part / "openvino_model.xml", inputs={"sample": 4})


def vision_encoder(directory: Path) -> None:
    graph(directory / "openvino_model.xml", inputs={"pixel_values": 4}, output="logits")
    write(directory, "config.json", {"architectures": ["ViTForImageClassification"]})


def clip(directory: Path) -> None:
    graph(directory / "openvino_model.xml", inputs={"input_ids": 2, "pixel_values": 4}, output="logits_per_image")


def lora(directory: Path) -> None:
    write(directory, "adapter_config.json", {"base_model_name_or_path": "Qwen/Qwen3-8B", "peft_type": "LORA"})
    write(directory, "adapter_model.safetensors", b"x")


def safetensors(directory: Path) -> None:
    write(directory, "config.json", {"architectures": ["Qwen2ForCausalLM"]})
    write(directory, "model-00001-of-00002.safetensors", b"x")


def pickled(directory: Path) -> None:
    write(directory, "pytorch_model.bin", b"x")


def onnx(directory: Path) -> None:
    write(directory, "onnx/model.onnx", b"x")
    write(directory, "config.json", {"architectures": ["BertModel"]})


def half_downloaded(directory: Path) -> None:
    make_llm(directory)
    (directory / "openvino_model.bin").unlink()


def broken_off(directory: Path) -> None:
    make_llm(directory)
    weights = directory / "openvino_model.bin"
    weights.write_bytes(weights.read_bytes()[:100])


def graph_missing(directory: Path) -> None:
    make_llm(directory)
    (directory / "openvino_model.xml").unlink()


def unfinished_file(directory: Path) -> None:
    write(directory, "config.json", {"architectures": ["Qwen2ForCausalLM"]})
    write(directory, "model.gguf.part", b"GGUF")


def cloned_without_lfs(directory: Path) -> None:
    make_llm(directory)
    (directory / "openvino_model.bin").write_bytes(LFS_POINTER)


def half_a_tokenizer(directory: Path) -> None:
    make_llm(directory)
    (directory / "openvino_detokenizer.xml").unlink()


def newer_ir(directory: Path) -> None:
    make_llm(directory)
    xml = directory / "openvino_model.xml"
    text = xml.read_text(encoding="utf-8")
    version = re.compile(r'(?i)(<runtime_version value=|name="OpenVINO Runtime" value=)"[^"]*"')
    changed = version.sub(r'\1"2099.1.0-1-abc"', text)
    assert changed != text
    xml.write_text(changed, encoding="utf-8")


Layout = Callable[[Path], None]
USABLE: dict[Layout, str] = {
    optimum_llm: "llm",
    optimum_embedding: "embedding",
    optimum_sentence_transformers: "embedding",
    sentence_transformers_backend: "embedding",
    reranker: "reranker",
    vision_language: "vlm",
    gguf_model: "gguf",
    inexact_gguf: "gguf",
    gguf_with_a_projector: "gguf",
    whisper: "whisper",
    whisper_without_a_name: "whisper",
    adapter: "tts",
    stable_diffusion: "image",
}
UNSUPPORTED: dict[Layout, tuple[str, str]] = {
    optimum_llm_without_past: ("llm", "text-generation-with-past"),
    classifier: ("classifier", "3 classes"),
    masked_language_model: ("classifier", "--task feature-extraction"),
    picture_reader: ("unknown", "pixel_values"),
    t5: ("seq2seq", "Encoder-decoder"),
    vision_encoder: ("unknown", "pixel_values"),
    clip: ("unknown", "pixel_values"),
    lora: ("lora", "adapter of Qwen/Qwen3-8B"),
    safetensors: ("unconverted", "safetensors weights. Convert it: main.py convert"),
    pickled: ("unconverted", "pytorch_model.bin holds PyTorch weights"),
    onnx: ("unconverted", "onnx/model.onnx holds ONNX weights"),
    newer_ir: ("llm", "Made with OpenVINO 2099.1"),
    gguf_of_another_architecture: ("gguf", 'this one is "gemma3"'),
    gguf_embedding: ("gguf", 'this one is "nomic-bert"'),
    gguf_quantised_otherwise: ("gguf", "does not read Q5_K"),
    gguf_in_parts: ("gguf", "split into parts"),
    several_gguf: ("gguf", "2 GGUF models"),
    gguf_adapter: ("lora", "LoRA adapter"),
}
DAMAGED: dict[Layout, tuple[str, str]] = {
    half_downloaded: ("llm", "openvino_model.bin is missing"),
    broken_off: ("llm", "openvino_model.bin is cut short"),
    graph_missing: ("unknown", "openvino_model.xml is missing"),
    unfinished_file: ("unknown", "model.gguf.part is a download that was not finished"),
    cloned_without_lfs: ("llm", "Git LFS pointer"),
    half_a_tokenizer: ("llm", "openvino_detokenizer.xml missing"),
    gguf_projector_alone: ("gguf", "language model is missing"),
    gguf_cut_short: ("gguf", "cut short"),
    gguf_pointer: ("gguf", "Git LFS pointer"),
}


def make(layout: Layout, directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    layout(directory)
    return directory
