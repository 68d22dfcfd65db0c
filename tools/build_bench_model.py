"""Builds a random-weight int4 model for benchmarks: real size and real work, meaningless words. Not committed.

Run from the project root with the packages of tools/requirements.txt: python tools/build_bench_model.py
"""

import argparse
import json
from pathlib import Path

import nncf
import torch
from demo.export import export, write_json
from demo.markup import END, END_OF_TEXT
from demo.tokenizer import for_transformers
from tokenizers import Tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM

PROJECT = Path(__file__).resolve().parent.parent
TOKENIZER = PROJECT / "models" / "demo_server-guide" / "tokenizer.json"
CONTEXT_LENGTH = 32_768
_HEAD = 64
_VOCABULARY = 65536
"""Far more than the tokenizer knows, so that the output layer costs what a real model's does."""


def configuration(parameters: float, layers: int, vocabulary: int) -> Qwen2Config:
    """The model of so many layers whose size comes closest to `parameters`; at least two heads wide."""
    shapes = [_shape(heads, layers, vocabulary) for heads in range(2, 66, 2)]
    return min(shapes, key=lambda shape: abs(_parameters(shape) - parameters))


def _shape(heads: int, layers: int, vocabulary: int) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=heads * _HEAD,
        intermediate_size=heads * _HEAD * 4,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_LENGTH,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=None,
    )


def _parameters(config: Qwen2Config) -> int:
    hidden, values = config.hidden_size, config.num_key_value_heads * _HEAD
    layer = 2 * hidden * hidden + 2 * hidden * values + 3 * hidden * config.intermediate_size
    return config.vocab_size * hidden + config.num_hidden_layers * layer


def padded(tokenizer: Tokenizer, vocabulary: int) -> Tokenizer:
    """The tokenizer with made-up words that no text is encoded to, so that each id the model draws can be decoded."""
    content = json.loads(tokenizer.to_str())
    known = tokenizer.get_vocab_size()
    content["model"]["vocab"].update({f"Ġw{number:x}": number for number in range(known, vocabulary)})
    return Tokenizer.from_str(json.dumps(content))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, default=400e6, help="about how many parameters (default: 400e6)")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--vocabulary", type=int, default=_VOCABULARY)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=PROJECT / "benchmarks" / "models" / "bench-400m")
    options = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    torch.manual_seed(options.seed)
    vocabulary = max(options.vocabulary, tokenizer.get_vocab_size())
    model = Qwen2ForCausalLM(configuration(options.parameters, options.layers, vocabulary)).eval()
    ends = [tokenizer.token_to_id(token) for token in (END, END_OF_TEXT)]
    model.generation_config.update(eos_token_id=ends, pad_token_id=ends[1], do_sample=False)
    export(
        model,
        for_transformers(padded(tokenizer, vocabulary), CONTEXT_LENGTH),
        options.output,
        mode=nncf.CompressWeightsMode.INT4_SYM,
        group_size=128,
        ratio=1.0,
    )
    write_json(
        options.output / "metadata.json",
        {
            "model_id": f"bench/{options.output.name}",
            "revision": "main",
            "commit": None,
            "downloaded_at": None,
            "source": "built",
        },
    )
    size = sum(path.stat().st_size for path in options.output.iterdir())
    print(f"{model.num_parameters() / 1e6:.0f}M parameters, {size / 1e6:.0f} MB in {options.output.name}")


if __name__ == "__main__":
    main()
