"""Which file of a GGUF repository is meant: one holds the same model in many quantisations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model_files.gguf_support import READABLE_ARCHITECTURES, part_of_many
from notices import Notice
from registry.errors import InvalidModelName, NotAnOpenVINOModel

_VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_UNREAD = re.compile(r"[-._](Q[23]_K\w*|Q5_\w+|Q4_K_S|IQ\d\w*|BF16|TQ\d\w*)\.gguf$", re.IGNORECASE)
"""Quantisations by their files' names; Q4_K_S holds tensors in Q5_K."""


def split_variant(name: str) -> tuple[str, str | None]:
    """Model id and variant of `organisation/name:Q4_K_M`. Raises InvalidModelName."""
    model_id, colon, variant = name.partition(":")
    if not colon:
        return name, None
    if not _VARIANT.fullmatch(variant):
        raise InvalidModelName(Notice("notices.gguf_variant_form"))
    return model_id, variant


def choose_gguf(paths: Sequence[str], model_id: str, variant: str | None) -> str:
    """The file that a variant names: in full, or by the end of its name (`Q4_K_M`). Raises NotAnOpenVINOModel."""
    whole = [path for path in paths if "/" not in path and not part_of_many(path)]
    if not paths:
        raise NotAnOpenVINOModel(Notice("notices.gguf_none", model=model_id))
    if not whole:
        raise NotAnOpenVINOModel(Notice("notices.gguf_all_split", model=model_id))
    if variant is None:
        if len(whole) == 1:
            return whole[0]
        raise NotAnOpenVINOModel(Notice("notices.gguf_choose", model=model_id, choice=f"{model_id}:{_listed(whole)}"))
    wanted = variant.lower().removesuffix(".gguf")
    stems = {path: path.lower().removesuffix(".gguf") for path in whole}
    ending = re.compile(rf"(^|[-._]){re.escape(wanted)}$")
    matches = [path for path in whole if stems[path] == wanted] or [
        path for path in whole if ending.search(stems[path])
    ]
    if len(matches) != 1:
        raise NotAnOpenVINOModel(Notice("notices.gguf_no_such_file", model=model_id, file=variant, list=_listed(whole)))
    return matches[0]


def check_readable(file: str, architecture: str | None, model_id: str) -> None:
    """As far as it can be told before the file is here. architecture: what the hub has read in it, None where it does
    not say. Raises NotAnOpenVINOModel."""
    if architecture is not None and architecture not in READABLE_ARCHITECTURES:
        known = ", ".join(READABLE_ARCHITECTURES)
        raise NotAnOpenVINOModel(
            Notice("notices.gguf_architecture_on_hub", known=known, model=model_id, architecture=architecture)
        )
    unread = _UNREAD.search(file)
    if unread:
        raise NotAnOpenVINOModel(Notice("notices.gguf_types", types=unread[1].upper()))


def _listed(paths: Sequence[str]) -> str:
    """By what sets them apart: the words behind what all names have in common."""
    stems = [path.removesuffix(".gguf") for path in paths]
    shared = _shared_words(stems)
    return ", ".join(sorted("-".join(stem.split("-")[shared:]) or stem for stem in stems))


def _shared_words(stems: Sequence[str]) -> int:
    words = [stem.split("-") for stem in stems]
    shortest = min(len(each) for each in words)
    count = 0
    while len(stems) > 1 and count < shortest - 1 and len({each[count] for each in words}) == 1:
        count += 1
    return count
