"""Events and lines: what we write, others read as it was meant; what others write, we survive."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import httpx
import msgspec
from anthropic._streaming import SSEDecoder as AnthropicDecoder
from hypothesis import strategies as st
from openai._streaming import SSEDecoder as OpenAIDecoder

from registry.downloader_protocol import (
    DownloadFinished,
    DownloadProgress,
    DownloadReportedFailure,
    Event,
    Refetching,
    Resolved,
    Verifying,
    encode,
)
from registry.files import RemoteFile
from registry.process import DownloaderDied, read_download_events
from tests.fuzz.running import fuzz
from tests.support.http_stream import BadAnswer, read_events
from web.streaming import JSON, ndjson, sse

BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\ufeff\x00\x7f:"
TEXT = st.text(max_size=20) | st.text(alphabet=BREAKS + "a北😀", max_size=10)
BROKEN_TEXT = st.text(alphabet=st.characters(categories=None) | st.sampled_from("\ud83d\udc00ab"), max_size=10)
NUMBERS = st.integers() | st.just(10**400) | st.floats(allow_nan=False, allow_infinity=False)


def documents(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(
        st.none() | st.booleans() | NUMBERS | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(text, values, max_size=4)


def by_the_book(stream: bytes) -> Iterator[tuple[str, str]]:
    """Events as the WHATWG's "Server-sent events" reads them: type and data."""
    kind, data = "message", list[str]()
    for line in stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield kind, "\n".join(data)
            kind, data = "message", []
        elif field == "event":
            kind = value
        elif field == "data":
            data.append(value)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


CUTS = st.lists(st.integers(0, 300), max_size=8)
KINDS = st.sampled_from((None, "content_block_delta", "response.completed"))


@fuzz(st.lists(st.tuples(documents(TEXT), KINDS), max_size=4), CUTS)
def test_events_are_read_as_they_were_meant(events: list[tuple[dict[str, Any], str | None]], cuts: list[int]) -> None:
    stream = b"".join(b": waiting\n\n" + sse(payload, event=kind) for payload, kind in events)
    assert [(kind, json.loads(data)) for kind, data in by_the_book(stream)] == [
        (kind or "message", payload) for payload, kind in events
    ]
    for decoder in (OpenAIDecoder(), AnthropicDecoder()):
        read = [event for event in decoder.iter_bytes(iter(pieces_of(stream, cuts))) if event.data]
        assert [(event.event, json.loads(event.data)) for event in read] == [
            (kind, payload) for payload, kind in events
        ]


class _Pieces(httpx.AsyncByteStream, httpx.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@fuzz(st.lists(documents(TEXT), max_size=4), CUTS, found=[([{"a": "\x85\u2028\u2029"}, {"b": 10**30}], [])])
def test_lines_are_read_as_they_were_meant(payloads: list[dict[str, Any]], cuts: list[int]) -> None:
    stream = b"".join(ndjson(payload) for payload in payloads)
    assert [json.loads(line) for line in stream.split(b"\n")[:-1]] == payloads
    response = httpx.Response(200, stream=_Pieces(pieces_of(stream, cuts)))  # what Ollama's client reads lines with
    assert [json.loads(line) for line in response.iter_lines()] == payloads


@fuzz(documents(BROKEN_TEXT), found=[({"a": "\ud83d"},)])
def test_half_characters_are_mended(payload: dict[str, Any]) -> None:
    for encoded in (sse(payload).removeprefix(b"data: "), ndjson(payload), JSON(payload).body):
        assert isinstance(json.loads(bytes(encoded).decode()), dict)


WORDS = st.sampled_from(
    (b"data: ", b"{", b"}", b"\n\n", b"\n", b'{"choices": [{"delta": {"content": "x"}}]}', b'{"choices": [1]}',
     b'{"usage": {"prompt_tokens": 1, "completion_tokens": 2}}', b"[DONE]", b": ping", b"event: x", b"\xff\xfe",
     b"\xed\xa0\xbd", b"[" * 3000, b"null", b"\r\n"),
)  # fmt: skip
GARBAGE = st.lists(WORDS | st.binary(max_size=8), max_size=12).map(b"".join)


@fuzz(GARBAGE, CUTS)
def test_a_strange_stream_is_a_bad_answer(stream: bytes, cuts: list[int]) -> None:
    pieces = pieces_of(stream, cuts)
    try:
        read_events(pieces, [0.0] * len(pieces))
    except BadAnswer as error:
        assert str(error)


TEXTS, INDEX = st.text(max_size=8), st.integers(0, 2**63 - 1)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(DownloadProgress, INDEX, INDEX),
    st.builds(Verifying, INDEX),
    st.builds(Refetching, INDEX),
    st.builds(DownloadReportedFailure, TEXTS, TEXTS, documents(TEXT)),
    st.builds(Resolved, TEXTS, st.lists(st.builds(RemoteFile, TEXTS, INDEX), max_size=2), st.lists(INDEX, max_size=2)),
)


async def _heard(stream: bytes) -> list[Event]:
    reader = asyncio.StreamReader(limit=1 << 16)
    reader.feed_data(stream)
    reader.feed_eof()
    return [event async for event in read_download_events(reader)]


@fuzz(st.lists(EVENTS, max_size=4), st.booleans())
def test_a_downloader_is_heard(events: list[Event], whole: bool) -> None:
    stream = b"".join(encode(event) + b"\n" for event in [*events, *([DownloadFinished()] if whole else [])])
    heard = asyncio.run(_heard(stream + (b"after the end\n" if whole else b"")))
    assert msgspec.to_builtins(heard) == msgspec.to_builtins([*events, *([DownloadFinished()] if whole else [])])


@fuzz(GARBAGE | st.just(b"x" * 100_000), st.lists(EVENTS, max_size=2))
def test_a_downloader_that_stammers_has_died(garbage: bytes, events: list[Event]) -> None:
    stream = b"".join(encode(event) + b"\n" for event in events) + garbage
    try:
        heard = asyncio.run(_heard(stream))
    except DownloaderDied as error:
        assert "nothing that can be read" in str(error)
    else:
        assert len(heard) == len(events) == stream.count(b"\n")
