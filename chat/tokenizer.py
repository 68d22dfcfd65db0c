"""A model's tokenizer and chat template."""

import copy
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import openvino_genai as genai
import tokenizers

from chat.templates import ChatTemplate, TemplateRefused
from model_files.gguf import load_path, read_control_tokens
from storage.files import BROKEN_FILE

logger = logging.getLogger(__name__)

Decode = Callable[[Sequence[int]], str]

_SHORT_CHARACTERS = 2000
"""Up to here the `tokenizers` package encodes faster than a call into OpenVINO, whose fixed part is larger."""


class ChatTokenizer:
    """Renders, encodes and decodes for one model.

    Loading takes some tenths of a second and releases the GIL; the other calls take well under a millisecond and
    are made on the event loop. Raises RuntimeError where there is no tokenizer.
    """

    def __init__(self, directory: Path) -> None:
        self.source: object = self
        self._directory = directory
        self._own_template: str | None = None
        # One thread: that costs less, and nobody waits for cores that an instance keeps busy.
        self._source_path = load_path(directory)
        try:
            self._tokenizer = genai.Tokenizer(self._source_path, INFERENCE_NUM_THREADS=1)
            self._tokenizer.encode("")  # only use shows that there is no tokenizer
        except UnicodeDecodeError as error:  # the library's complaint quotes a file that is no text
            raise RuntimeError(f"a file of the tokenizer is not UTF-8 text ({error.reason})") from error
        self._quick = _read_tokenizer(directory / "tokenizer.json")
        self._special = self._special_tokens()

    @property
    def name(self) -> str:
        """The model's directory, for the log."""
        return self._directory.name

    @property
    def template_text(self) -> str:
        """The chat template, from the sources that the library looks into, in its order."""
        return self._own_template or self._tokenizer.chat_template or ""

    def with_template(self, template: str) -> "ChatTokenizer":
        """The same tokenizer with another chat template; its `source` is the one it comes from."""
        other = copy.copy(self)
        other._own_template = template
        other.__dict__.pop("_template", None)
        return other

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """config.json, empty where there is none."""
        return _read_object(self._directory / "config.json")

    def render(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, options: Mapping[str, Any]
    ) -> str:
        """The prompt of messages in Hugging Face's form, open for the assistant's turn. Raises `TemplateRefused`.

        Jinja renders, as it did when the model was trained; the library's own engine stands in for a template that
        Jinja cannot read.
        """
        if isinstance(self._template, ChatTemplate):
            return self._template.render(messages, tools=tools, options=options)
        try:
            return self._tokenizer.apply_chat_template(
                messages, True, chat_template=self._own_template or "", tools=tools, extra_context=dict(options) or None
            )
        except RuntimeError as error:
            raise TemplateRefused(str(error).strip().splitlines()[-1]) from error

    def encode(self, text: str) -> list[int]:
        """The ids of a text that already has its special tokens written out."""
        if self._quick is not None and len(text) <= _SHORT_CHARACTERS:
            return self._quick.encode(text, add_special_tokens=False).ids
        return self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()

    def encode_apart(self, text: str) -> list[int]:
        """The same as `encode`, to be called in a thread: a long text takes seconds, in which others want the GIL."""
        if self._quick is None:
            return self.encode(text)
        return self._quick.encode_batch_fast([text], add_special_tokens=False)[0].ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special tokens are left out, bytes that are no character read U+FFFD."""
        return self.decoder()(ids)

    def decoder(self, shown: Collection[str] = ()) -> Decode:
        """A `decode` that writes out those special tokens that are in `shown`."""
        hidden = frozenset(token for token, text in self._special.items() if text not in shown)
        quick = self._quick
        if quick is not None:
            return lambda ids: quick.decode([i for i in ids if i not in hidden], skip_special_tokens=False)
        if not self._special:
            return lambda ids: self._tokenizer.decode(list(ids))
        return lambda ids: self._tokenizer.decode([i for i in ids if i not in hidden], skip_special_tokens=False)

    @cached_property
    def vocabulary_size(self) -> int:
        """Ids below it are tokens of the model, which may have room for more than its tokenizer knows."""
        inner = self.config.get("text_config")
        for config in (self.config, inner if isinstance(inner, dict) else {}):
            size = config.get("vocab_size")
            if isinstance(size, int):
                return size
        return 1 + max(self._tokenizer.get_vocab().values())

    def piece(self, token: int) -> bytes | None:
        """The bytes of one token, None for a special one."""
        return None if token in self._special else self._pieces.get(token)

    def written(self, token: int) -> bytes:
        """The bytes of one token, of a special one its name."""
        special = self._special.get(token)
        return special.encode() if special is not None else self._pieces.get(token, b"")

    @cached_property
    def _pieces(self) -> dict[int, bytes]:
        return {token: bytes(piece) for piece, token in self._tokenizer.get_vocab().items()}

    @cached_property
    def _template(self) -> ChatTemplate | None:
        tokenizer = self._tokenizer
        variables = {
            "bos_token": tokenizer.get_bos_token(),
            "eos_token": tokenizer.get_eos_token(),
            "pad_token": tokenizer.get_pad_token(),
        }
        try:
            return ChatTemplate(self.template_text, variables)
        except TemplateRefused:
            return None

    def _special_tokens(self) -> dict[int, str]:
        if self._quick is not None:
            added = self._quick.get_added_tokens_decoder()
            special = {token: entry.content for token, entry in added.items() if entry.special}
        elif self._source_path.is_file():
            special = read_control_tokens(self._source_path)
        else:
            special = _special_of(_read_object(self._directory / "tokenizer_config.json"))
        special.setdefault(self._tokenizer.get_eos_token_id(), self._tokenizer.get_eos_token())
        return special


def _read_tokenizer(file: Path) -> tokenizers.Tokenizer | None:
    """The same tokenizer for short calls: the fixed part of one into OpenVINO is ten times the work for a token."""
    if not file.is_file():
        return None
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # nothing narrower is raised
        logger.warning("%s cannot be read, so OpenVINO's tokenizer does all the work: %s", file, error)
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _special_of(config: Mapping[str, Any]) -> dict[int, str]:
    entries = config.get("added_tokens_decoder") or {}
    try:
        return {int(token): str(entry["content"]) for token, entry in entries.items() if entry.get("special")}
    except BROKEN_FILE as error:
        logger.warning("The special tokens of tokenizer_config.json cannot be read: %s", error)
        return {}


def _read_object(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except BROKEN_FILE:
        return {}
    return value if isinstance(value, dict) else {}
