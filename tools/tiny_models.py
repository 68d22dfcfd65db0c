"""What the tiny random-weight models have in common: a tokenizer of single bytes, a chat template, and their export."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from openvino import save_model
from openvino_tokenizers import convert_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
Call a function as <tool_call>{"name": ..., "arguments": ...}</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{% endif %}"""

Finish = Callable[..., None]
"""`export`, or `save_source`."""
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def encoder_settings(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": 0.5,  # the usual 0.02 would give every text nearly the same vector
    }


def byte_tokenizer(
    *, bos: str | None, eos: str, special: Sequence[str] = SPECIAL, words: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """Single bytes as tokens, and `words`. With `bos` every text is put between `bos` and `eos`, for encoders."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    beginnings = sorted({word[:end] for word in words for end in range(2, len(word) + 1)}, key=len)
    vocabulary = {token: index for index, token in enumerate([*special, *alphabet, *beginnings])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [(beginning[:-1], beginning[-1]) for beginning in beginnings]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    if bos:
        ends = [(bos, vocabulary[bos]), (eos, vocabulary[eos])]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A {eos}", pair=f"{bos} $A {eos} $B:1 {eos}:1", special_tokens=ends
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, pad_token="<|endoftext|>", bos_token=bos)


def save_source(
    model: torch.nn.Module,
    exporter: type,
    tokenizer: PreTrainedTokenizerFast,
    directory: Path,
    files: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """What `export` starts from, in Hugging Face's format."""
    model.eval().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


def export(
    model: torch.nn.Module,
    exporter: type,
    tokenizer: PreTrainedTokenizerFast,
    directory: Path,
    files: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """`files` (their texts by name) are part of the model before and after."""
    with tempfile.TemporaryDirectory() as source:
        save_source(model, exporter, tokenizer, Path(source), files)
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
        exporter.from_pretrained(source, export=True, load_in_8bit=False).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    converted = convert_tokenizer(tokenizer, with_detokenizer=True)
    assert isinstance(converted, tuple)
    for name, part in zip(("openvino_tokenizer", "openvino_detokenizer"), converted, strict=True):
        save_model(part, directory / f"{name}.xml")
