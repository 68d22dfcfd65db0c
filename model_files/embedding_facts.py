"""How an embedding model makes one vector of a text's tokens, and what it wants to stand before a text.

A wrong pooling gives vectors that look right and compare wrongly, so everything that may tell is asked, the surest
first: an output of the model itself, the files of sentence-transformers, the model's name, at last its architecture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from model_files.ir_xml import IrSummary
from model_files.known_embedders import KnownEmbedder, Pooling, known_embedder
from model_files.model_config import front_matter, read_json
from notices import Notice

SENTENCE_OUTPUT = "sentence_embedding"
_OLD_KEYS: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean",  # of the same direction, and vectors are normalised
    "pooling_mode_lasttoken": "last_token",
}
_MODES: dict[str, Pooling] = {
    **_OLD_KEYS,
    "cls": "cls",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean",
    "lasttoken": "last_token",
}
_DECODERS = re.compile(r"(Qwen|Llama|Mistral|Gemma|Phi|GPT|Bloom|Opt|Granite(?!.*Embedding))\w*")
_QUERY_NAMES = ("query", "s2p_query", "retrieval.query", "web_search_query")
_DOCUMENT_NAMES = ("document", "passage", "corpus", "retrieval.passage")

InputType = Literal["query", "document"]


@dataclass(frozen=True)
class EmbeddingFacts:
    """pooling: None where the model itself ends in one vector a text. source: what told: "output", "modules.json",
    "1_Pooling", "name", "architecture". guessed: nothing but the kind of the model spoke for it.

    query, document, plain: what is put before a text of that kind, and before one of which the client does not say.
    max_tokens: where sentence-transformers cuts a text.
    """

    pooling: Pooling | None
    source: str
    guessed: bool = False
    max_tokens: int | None = None
    query: str = ""
    document: str = ""
    plain: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.guessed:
            return ()
        return (Notice("notices.pooling_assumed", pooling=self.pooling),)

    def prefix(self, input_type: InputType | None) -> str:
        return self.query if input_type == "query" else self.document if input_type == "document" else self.plain


def read_embedding_facts(directory: Path, ir: IrSummary, architecture: str | None) -> tuple[EmbeddingFacts, str | None]:
    """What the folder tells, and why its vectors would be wrong all the same, if so. Raises OSError, ValueError."""
    modules = _modules(directory)
    known = known_embedder(*_names(directory))
    facts, problem = _pooling(directory, ir, architecture, modules, known)
    facts = replace(facts, max_tokens=_max_tokens(directory) or (known.max_tokens if known else None))
    return _with_prompts(facts, directory, known), problem


def _pooling(
    directory: Path, ir: IrSummary, architecture: str | None, modules: list[str], known: KnownEmbedder | None
) -> tuple[EmbeddingFacts, str | None]:
    if SENTENCE_OUTPUT in ir.outputs:
        return EmbeddingFacts(None, "output"), None
    problem = None
    if "Dense" in modules or (not modules and known and known.dense):
        problem = Notice("notices.dense_layer_missing")
    settings, source = _pooling_settings(directory)
    if settings is not None:
        pooling = _read_pooling(settings)
        if pooling is None:
            asked = ", ".join(sorted(_asked(settings))) or "nothing"
            return EmbeddingFacts("mean", source), Notice("notices.pooling_unknown", pooling=asked)
        return EmbeddingFacts(pooling, source), problem
    if known is not None:
        return EmbeddingFacts(known.pooling, "name"), problem
    decoder = _DECODERS.match(architecture or "")
    return EmbeddingFacts("last_token" if decoder else "mean", "architecture", guessed=True), problem


def _modules(directory: Path) -> list[str]:
    """The classes in modules.json, by their last names."""
    return [str(module.get("type", "")).rpartition(".")[2] for module in _module_entries(directory)]


def _module_entries(directory: Path) -> list[dict[str, Any]]:
    path = directory / "modules.json"
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(Notice("notices.json_invalid", file=path.name, error=error)) from error
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _pooling_settings(directory: Path) -> tuple[dict[str, Any] | None, str]:
    """The pooling module's own configuration; modules.json says in which folder it lies."""
    for module in _module_entries(directory):
        folder = str(module.get("path", ""))
        if str(module.get("type", "")).endswith(".Pooling") and re.fullmatch(r"\w+", folder):
            path = directory / folder / "config.json"
            if path.is_file():
                return read_json(path), "modules.json"
    path = directory / "1_Pooling" / "config.json"
    return (read_json(path), "1_Pooling") if path.is_file() else (None, "")


def _read_pooling(settings: Mapping[str, Any]) -> Pooling | None:
    """None where it is one that the library has not: maximum, weighted mean, several put together."""
    asked = _asked(settings)
    if not asked:
        return "mean"  # the default of sentence-transformers
    found: set[Pooling | None] = {_MODES.get(name) for name in asked}
    return found.pop() if len(found) == 1 else None


def _asked(settings: Mapping[str, Any]) -> set[str]:
    """sentence-transformers writes `pooling_mode`, its older versions one key for each mode."""
    mode = settings.get("pooling_mode")
    if isinstance(mode, str):
        return {mode}
    if isinstance(mode, list | tuple):
        return {str(each) for each in mode}
    return {key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True}


def _max_tokens(directory: Path) -> int | None:
    path = directory / "sentence_bert_config.json"
    length = read_json(path).get("max_seq_length") if path.is_file() else None
    return length if isinstance(length, int) and not isinstance(length, bool) and length > 0 else None


def _with_prompts(facts: EmbeddingFacts, directory: Path, known: KnownEmbedder | None) -> EmbeddingFacts:
    path = directory / "config_sentence_transformers.json"
    settings = read_json(path) if path.is_file() else {}
    given = settings.get("prompts")
    prompts = (
        {str(name): text for name, text in given.items() if isinstance(text, str)} if isinstance(given, dict) else {}
    )
    if any(prompts.values()):
        default = settings.get("default_prompt_name")
        return replace(
            facts,
            query=next((prompts[name] for name in _QUERY_NAMES if name in prompts), ""),
            document=next((prompts[name] for name in _DOCUMENT_NAMES if name in prompts), ""),
            plain=prompts.get(default, "") if isinstance(default, str) else "",
        )
    return replace(facts, query=known.query, document=known.document) if known else facts


def _names(directory: Path) -> list[str]:
    """What the model is called: here, where it was exported from, in its card."""
    names = [directory.name]
    for file, key in (("metadata.json", "model_id"), ("metadata.json", "source"), ("config.json", "_name_or_path")):
        try:
            names.append(str(read_json(directory / file).get(key, "")))
        except (OSError, ValueError):
            continue
    return [*names, *front_matter(directory).get("base_model", "").split()]
