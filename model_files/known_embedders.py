"""Embedding models whose export forgot how they are used: what their makers' model cards say, found by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Pooling = Literal["cls", "mean", "last_token"]

_SEARCH = "Represent this sentence for searching relevant passages: "
_SEARCH_ZH = "为这个句子生成表示以用于检索相关文章："
_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


@dataclass(frozen=True)
class KnownEmbedder:
    """query, document: what stands before a text of that kind. dense: the model ends in a further layer, which only an
    export by sentence-transformers holds. max_tokens: where the original cuts a text."""

    pooling: Pooling
    query: str = ""
    document: str = ""
    dense: bool = False
    max_tokens: int | None = None


# The first that matches counts, so the particular stand before the general.
_BY_NAME: tuple[tuple[str, KnownEmbedder], ...] = (
    (r"qwen3-embedding", KnownEmbedder("last_token", _TASK)),
    (r"e5-mistral|e5-.*-v2-mistral", KnownEmbedder("last_token", _TASK + " ")),
    (r"gte-qwen2|linq-embed|sfr-embedding", KnownEmbedder("last_token", _TASK + " ")),
    (r"multilingual-e5-.*instruct", KnownEmbedder("mean", _TASK + " ")),
    (r"(^|[-_/])e5-", KnownEmbedder("mean", "query: ", "passage: ")),
    (r"bge-m3", KnownEmbedder("cls")),
    (r"bge-.*-zh", KnownEmbedder("cls", _SEARCH_ZH)),
    (r"bge-(small|base|large)", KnownEmbedder("cls", _SEARCH)),
    (r"mxbai-embed", KnownEmbedder("cls", _SEARCH)),
    (r"arctic-embed-.*v2", KnownEmbedder("cls", "query: ")),
    (r"arctic-embed", KnownEmbedder("cls", _SEARCH)),
    (r"nomic-embed-text", KnownEmbedder("mean", "search_query: ", "search_document: ")),
    (r"embeddinggemma", KnownEmbedder("mean", "task: search result | query: ", "title: none | text: ", dense=True)),
    (r"gte-.*(-en-v1\.5|multilingual|modernbert)", KnownEmbedder("cls")),
    (r"gte-(small|base|large)", KnownEmbedder("mean")),
    (r"granite-embedding", KnownEmbedder("cls")),
    (r"labse", KnownEmbedder("cls", dense=True)),
    (r"stella_en|distiluse", KnownEmbedder("mean", dense=True)),
    (r"multi-qa-.*(cls|mpnet-base-dot)|msmarco-.*-tas-b", KnownEmbedder("cls")),
    (r"all-minilm-l6-v2", KnownEmbedder("mean", max_tokens=256)),
    (r"all-minilm-l12-v2|paraphrase-", KnownEmbedder("mean", max_tokens=128)),
    (r"all-mpnet-base-v2", KnownEmbedder("mean", max_tokens=384)),
    (r"all-(minilm|mpnet|distilroberta|roberta)|multi-qa-|msmarco-", KnownEmbedder("mean")),
    (r"jina-embeddings-v[12]|text2vec|m3e-|sentence-t5|gtr-t5", KnownEmbedder("mean")),
)


def known_embedder(*names: str) -> KnownEmbedder | None:
    """What is known of a model that has one of these names."""
    for pattern, known in _BY_NAME:
        if any(re.search(pattern, name.lower()) for name in names if name):
            return known
    return None
