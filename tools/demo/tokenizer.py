"""The demo model's tokenizer: byte-level BPE, so that any UTF-8 text survives encoding and decoding."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from .markup import END, END_OF_TEXT, PLAIN, SPECIAL

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
# Han runs, words with the space before them, single digits, punctuation, line ends, other white space.
SPLIT = r"\p{Han}+| ?[A-Za-z]+| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s*[\r\n]+|\s+(?!\S)|\s+"


def train_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """`vocabulary_size` counts the special and markup tokens too."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(SPECIAL) - len(PLAIN),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=12,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in PLAIN])
    return tokenizer


def with_dropout(tokenizer: Tokenizer, dropout: float) -> Tokenizer:
    """A copy that skips merges at random: the same text in other pieces, to train on."""
    content = json.loads(tokenizer.to_str())
    content["model"]["dropout"] = dropout
    return Tokenizer.from_str(json.dumps(content))


def for_transformers(tokenizer: Tokenizer, context_length: int) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        model_max_length=context_length,
    )
    wrapped.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return wrapped
