"""Puts what the tests of conversion start from into tools/.real_models: the converter, as the product installs it, and
tiny models of real architectures in Hugging Face's format.

    .venv/bin/python tools/real_sources.py

Needs the network once, for the converter (some 2 GB of disk). The weights are random: what the models say means
nothing, their files are those of real ones.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).with_name(".real_models")
SOURCES = FOLDER / "sources"


def main() -> int:
    if sys.argv[1:] == ["build"]:
        return build()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from conversion.toolchain import Converter

    FOLDER.mkdir(exist_ok=True)
    converter = Converter(FOLDER)
    asyncio.run(converter.install(print))
    return subprocess.run([str(converter.python), __file__, "build"], check=False).returncode


def build() -> int:
    """In the converter's Python."""
    import torch

    builders: dict[str, Callable[[Path], None]] = {
        "qwen2": qwen2,
        "llama": llama,
        "bert": bert,
        "whisper": whisper,
        "llama-lora": lora,
        "llava": llava,
        "reranker": reranker,
    }
    for name, builder in builders.items():
        torch.manual_seed(20)
        directory = SOURCES / name
        directory.mkdir(parents=True, exist_ok=True)
        builder(directory)
        print(f"{directory}: {sum(file.stat().st_size for file in directory.rglob('*') if file.is_file()):,} bytes")
    return 0


def qwen2(directory: Path) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    _language_model(directory, Qwen2Config, Qwen2ForCausalLM, tie_word_embeddings=True)


def llama(directory: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    _language_model(directory, LlamaConfig, LlamaForCausalLM)


def bert(directory: Path) -> None:
    """With the files of sentence-transformers: the first token counts, and queries have a prompt."""
    from tiny_models import byte_tokenizer, encoder_settings
    from transformers import BertConfig, BertModel

    tokenizer = byte_tokenizer(bos="<|im_start|>", eos="<|im_end|>")
    config = BertConfig(**encoder_settings(tokenizer), max_position_embeddings=256)
    BertModel(config, add_pooling_layer=False).eval().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (directory / "1_Pooling").mkdir(exist_ok=True)
    for name, content in (
        ("modules.json", modules),
        ("1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": True}),
        ("config_sentence_transformers.json", {"prompts": {"query": "query: ", "document": ""}}),
    ):
        (directory / name).write_text(json.dumps(content), encoding="utf-8")


def whisper(directory: Path) -> None:
    from build_media_models import whisper_source

    whisper_source(directory)


def llava(directory: Path) -> None:
    from build_test_models import build_vision
    from tiny_models import save_source

    build_vision(directory, save_source)


def reranker(directory: Path) -> None:
    from build_test_models import build_reranker
    from tiny_models import save_source

    build_reranker(directory, save_source)


def lora(directory: Path) -> None:
    """For `llama`; large enough that it changes what the model says."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(SOURCES / "llama"),
        LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False, lora_alpha=32),
    )
    model.save_pretrained(directory)


def _language_model(directory: Path, configuration: type, architecture: type, **settings: bool) -> None:
    from tiny_models import CHAT_TEMPLATE, byte_tokenizer

    tokenizer = byte_tokenizer(bos=None, eos="<|im_end|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    config = configuration(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **settings,
    )
    architecture(config).eval().save_pretrained(directory)
    tokenizer.save_pretrained(directory)


if __name__ == "__main__":
    sys.exit(main())
