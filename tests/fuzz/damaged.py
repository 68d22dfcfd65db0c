"""Strategies for files that were once right: changed in their meaning, cut off, overwritten."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

ODD_VALUES: Sequence[Any] = (
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, 1e308, float("inf"), float("nan"), "", " ", "x", "\x00", "\ud83d",
    "../../etc", "a" * 5000, "2026-13-99", [], {}, [None], [[[]]], {"": None}, [1, "x", {}], {"x": {"y": [1]}},
)  # fmt: skip
NESTED = b'{"a":' * 5000


def changed(document: Any) -> st.SearchStrategy[Any]:
    """The document with some of its values replaced, taken away, doubled or wrapped."""
    return st.integers(1, 3).flatmap(lambda times: _changed(st.just(document), times))


def _changed(documents: st.SearchStrategy[Any], times: int) -> st.SearchStrategy[Any]:
    for _ in range(times):
        documents = documents.flatmap(_change_once)
    return documents


def _change_once(document: Any) -> st.SearchStrategy[Any]:
    odd = st.sampled_from(ODD_VALUES)
    if isinstance(document, Mapping) and document:
        keys = st.sampled_from(list(document))
        return st.one_of(
            odd,
            st.builds(lambda key: {name: value for name, value in document.items() if name != key}, keys),
            st.builds(lambda key, value: {**document, key: value}, keys | st.text(max_size=4), odd),
            keys.flatmap(lambda key: _change_once(document[key]).map(lambda value: {**document, key: value})),
        )
    if isinstance(document, list) and document:
        places = st.integers(0, len(document) - 1)
        return st.one_of(
            odd,
            st.just([*document, *document]),
            places.flatmap(
                lambda at: _change_once(document[at]).map(lambda new: [*document[:at], new, *document[at + 1 :]])
            ),
        )
    return odd


def damaged_json(*documents: Any) -> st.SearchStrategy[bytes]:
    """JSON files that hold nearly these documents, or hardly any more."""
    meant = st.sampled_from(documents).flatmap(changed).map(lambda document: json.dumps(document).encode())
    return st.one_of(
        meant, damaged(meant), st.sampled_from((NESTED, b"", b"null", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00"))
    )


def damaged(files: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Files with a piece overwritten or cut out, or without their end."""
    return st.builds(
        _overwritten, files, st.integers(0, 2**16), st.integers(0, 40), st.binary(max_size=16), st.booleans()
    )


def _overwritten(data: bytes, at: int, length: int, put: bytes, end: bool) -> bytes:
    at %= len(data) + 1
    return data[:at] + put + (b"" if end else data[at + length :])
