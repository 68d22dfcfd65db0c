"""Builds the tiny random-weight models that the tests load: a chat model, an embedding model, two rerankers and two
vision-language models, of which one takes videos.

    python tools/build_test_models.py tests/models [name …]

Needs torch, transformers and optimum-intel, which the server itself does not. What they answer means nothing; their
files are those of real models.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from optimum.exporters.openvino.model_configs import Qwen3VLOpenVINOConfig
from optimum.intel import (
    OVModelForCausalLM,
    OVModelForFeatureExtraction,
    OVModelForSequenceClassification,
    OVModelForVisualCausalLM,
)
from tiny_models import CHAT_TEMPLATE, SPECIAL, Finish, byte_tokenizer, encoder_settings, export
from transformers import (
    BertConfig,
    BertModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

_VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
_IMAGE = "<image>"
_IMAGE_PROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "crop_size": {"height": 56, "width": 56},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "patch_size": 14,
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"shortest_edge": 56},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the directory that gets one folder per model")
    parser.add_argument("names", nargs="*", help="which models to build; default: all")
    options = parser.parse_args()
    builders: dict[str, Callable[[Path], None]] = {
        "test_chat": build_chat,
        "test_embedding": build_embedding,
        "test_reranker": build_reranker,
        "test_qwen_reranker": build_qwen_reranker,
        "test_vision": build_vision,
        "test_video": build_video,
    }
    for name in options.names or builders:
        torch.manual_seed(20)
        directory = options.target / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        builders[name](directory)
        size = sum(file.stat().st_size for file in directory.iterdir())
        print(f"{directory}: {size:,} bytes")


def build_chat(directory: Path) -> None:
    """One Qwen2 layer with a ChatML template that knows tools and thinking."""
    tokenizer = byte_tokenizer(bos=None, eos="<|im_end|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    export(Qwen2ForCausalLM(config), OVModelForCausalLM, tokenizer, directory)


def build_embedding(directory: Path) -> None:
    """One BERT layer, 32 dimensions, 256 tokens of context, mean pooling."""
    tokenizer = byte_tokenizer(bos="<|im_start|>", eos="<|im_end|>")
    config = BertConfig(**encoder_settings(tokenizer), max_position_embeddings=256)
    export(BertModel(config, add_pooling_layer=False), OVModelForFeatureExtraction, tokenizer, directory)
    pooling = directory / "1_Pooling"
    pooling.mkdir()
    (pooling / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}) + "\n", encoding="utf-8"
    )


def build_reranker(directory: Path, finish: Finish | None = None) -> None:
    """One XLM-RoBERTa layer with one score on top; that family's positions begin at 2."""
    tokenizer = byte_tokenizer(bos="<|im_start|>", eos="<|im_end|>")
    config = XLMRobertaConfig(**encoder_settings(tokenizer), max_position_embeddings=258, num_labels=1)
    model = XLMRobertaForSequenceClassification(config)
    (finish or export)(model, OVModelForSequenceClassification, tokenizer, directory)


def build_qwen_reranker(directory: Path) -> None:
    """One Qwen3 layer that is asked for "yes" or "no", as that family's rerankers are."""
    tokenizer = byte_tokenizer(bos=None, eos="<|im_end|>", words=["yes", "no"])
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    export(Qwen3ForCausalLM(config), OVModelForCausalLM, tokenizer, directory)


def build_vision(directory: Path, finish: Finish | None = None) -> None:
    """A LLaVA of one language layer, its images 56 pixels square in 16 patches."""
    tokenizer = byte_tokenizer(bos=None, eos="<|im_end|>", special=[*SPECIAL, _IMAGE])
    tokenizer.chat_template = CHAT_TEMPLATE
    seeing = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        projection_dim=32,
        initializer_factor=20.0,  # else all images would look alike
    )
    speaking = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        initializer_range=0.5,  # else what is seen would hardly change what is said
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=seeing,
        text_config=speaking,
        image_token_index=tokenizer.convert_tokens_to_ids(_IMAGE),
        image_seq_length=16,
    )
    model = LlavaForConditionalGeneration(config)
    processor = json.dumps(_IMAGE_PROCESSOR, indent=1) + "\n"
    (finish or export)(model, OVModelForVisualCausalLM, tokenizer, directory, {"preprocessor_config.json": processor})


def build_video(directory: Path) -> None:
    """A Qwen3-VL of one layer for what is seen and one for what is said."""
    # The exporter has not been told of newer versions; what it exports there works.
    Qwen3VLOpenVINOConfig.MAX_TRANSFORMERS_VERSION = "5.9"
    tokenizer = byte_tokenizer(bos=None, eos="<|im_end|>", special=[*SPECIAL, *_VISION])
    tokenizer.chat_template = CHAT_TEMPLATE
    start, end, image, video = tokenizer.convert_tokens_to_ids(_VISION)
    seeing = {
        "depth": 1,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 32,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
        "initializer_range": 0.5,
    }
    speaking = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "initializer_range": 0.5,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [4, 2, 2],
            "mrope_interleaved": True,
        },
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = Qwen3VLConfig(
        text_config=speaking,
        vision_config=seeing,
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=True,
    )
    images = {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "size": {"shortest_edge": 3136, "longest_edge": 50176},
        "min_pixels": 3136,
        "max_pixels": 50176,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    videos = {**images, "video_processor_type": "Qwen3VLVideoProcessor", "fps": 2, "min_frames": 4, "max_frames": 768}
    files = {"preprocessor_config.json": images, "video_preprocessor_config.json": {**videos, "do_sample_frames": True}}
    export(
        Qwen3VLForConditionalGeneration(config),
        OVModelForVisualCausalLM,
        tokenizer,
        directory,
        {name: json.dumps(content, indent=1) + "\n" for name, content in files.items()},
    )


if __name__ == "__main__":
    main()
