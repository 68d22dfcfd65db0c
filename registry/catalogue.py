"""Models to choose from: the OpenVINO collections of the hub, remembered on disk; before that, a bundled list."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from model_files.facts import ModelFacts
from model_files.model_kind import NOT_SERVED
from model_files.npu_rules import pipeline_problem, size_problem
from notices import Notice, as_text
from registry.disk import write_json
from registry.errors import RegistryError
from storage.files import BROKEN_FILE, read_bytes

CACHE_FILE = ".catalogue.json"
STALE_SECONDS = 24 * 3600.0
_BUNDLED = Path(__file__).with_name("catalogue.json")
_BYTES_PER_WEIGHT = {"int4": 0.58, "nf4": 0.56, "int8": 1.02, "fp16": 2.0}
_NPU_NAME = "-cw-"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CatalogueEntry:
    """A model on the hub. size_bytes and parameters may be estimates from its name (estimated), or unknown (None).

    npu: True for models made for it, False where known not to suit, None where only the weights will tell. active: the
    parameters that each token uses, where those are not all. good_for: keys of what it is good at; quality: how good it
    is at conversations, 1 to 10 among those of the bundled list; unsuited: kinds of hardware on which it was reported
    to fail; draft: a model that was made to draft tokens for it, or is of its family and small.
    """

    id: str
    kind: str = "unknown"
    size_bytes: int | None = None
    parameters: int | None = None
    quantization: str | None = None
    license: str | None = None
    npu: bool | None = None
    collection: str | None = None
    downloads: int | None = None
    estimated: bool = True
    active: int | None = None
    good_for: tuple[str, ...] = ()
    quality: int | None = None
    unsuited: tuple[str, ...] = ()
    draft: str | None = None

    def facts(self) -> ModelFacts:
        """As much as is known of it before it is here, to judge whether it will fit."""
        refusal = NOT_SERVED.get(self.kind)
        return ModelFacts(
            kind=self.kind,
            size_bytes=self.size_bytes or 0,
            parameters=self.parameters,
            quantization=self.quantization,
            license=self.license,
            npu_problem=self._npu_problem(),
            problem=refusal,
            unsupported=refusal is not None,
        )

    def _npu_problem(self) -> str | None:
        """Of a language model it must be known that an NPU compiles it: most that are published do not suit."""
        if self.kind not in ("llm", "vlm"):
            return pipeline_problem(self.kind, None)
        if not self.npu:
            return Notice("notices.npu_unknown_weights")
        return size_problem(self.parameters)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return msgspec.to_builtins(self, enc_hook=as_text)


@dataclass(frozen=True)
class Catalogue:
    """fetched_at: seconds since the epoch, None for the bundled list. problem: why the hub was not heard, if so."""

    entries: tuple[CatalogueEntry, ...]
    source: Literal["hub", "bundled"]
    fetched_at: float | None = None
    problem: str | None = None


def guess_entry(model_id: str, **known: Any) -> CatalogueEntry:
    """An entry from what a name like "Qwen3-8B-int4-cw-ov" tells."""
    name = model_id.rpartition("/")[2].lower()
    precision = next((word for word in _BYTES_PER_WEIGHT if word in name), None)
    billions = [float(number) for number in re.findall(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z0-9])", name)]
    parameters = int(max(billions) * 1e9) if billions else None
    size = int(parameters * _BYTES_PER_WEIGHT[precision]) if parameters and precision else None
    channel_wise = _NPU_NAME in name and precision == "int4"
    guessed: dict[str, Any] = {
        "size_bytes": size,
        "parameters": parameters,
        "quantization": "INT4_SYM g-1" if channel_wise else precision.upper() if precision else None,
        "npu": True if channel_wise else None,
    }
    return CatalogueEntry(model_id, **guessed | known)


def bundled_entries() -> tuple[CatalogueEntry, ...]:
    entries = []
    for row in json.loads(_BUNDLED.read_text(encoding="utf-8")):
        known = {key: row[key] for key in ("kind", "license", "npu", "quality", "quantization", "draft") if key in row}
        known |= {key: tuple(row[key]) for key in ("good_for", "unsuited") if key in row}
        if "active_billion" in row:
            known["active"] = int(row["active_billion"] * 1e9)
        size, parameters = int(row["size_gb"] * 1e9), int(row["parameters_billion"] * 1e9)
        entries.append(guess_entry(row["id"], size_bytes=size, parameters=parameters, **known))
    return tuple(entries)


class CatalogueStore:
    """ask: a blocking call that asks the hub for the entries of its OpenVINO collections."""

    def __init__(
        self,
        models_dir: Path,
        ask: Callable[[], list[CatalogueEntry]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = models_dir / CACHE_FILE
        self._ask = ask
        self._clock = clock
        self._refresh: asyncio.Task[Catalogue] | None = None

    async def read(self, *, refresh: bool = False) -> Catalogue:
        """What is at hand, at once; if older than a day it is renewed behind that. refresh: wait for the hub."""
        known = self.known()
        if not refresh and known.fetched_at and self._clock() - known.fetched_at < STALE_SECONDS:
            return known
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.get_running_loop().create_task(self._renew())
        return await asyncio.shield(self._refresh) if refresh else known

    async def _renew(self) -> Catalogue:
        try:
            found = await asyncio.to_thread(self._ask)
        except RegistryError as error:
            logger.info("The catalogue stays as it is: %s", error.message)
            return replace(self.known(), problem=error.message)
        better = {entry.id: entry for entry in bundled_entries()}
        entries = tuple(_merge(entry, better.get(entry.id)) for entry in found)
        renewed = Catalogue(entries, "hub", self._clock())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._path, msgspec.to_builtins(renewed, enc_hook=as_text), durable=False)
        return renewed

    def known(self) -> Catalogue:
        """What was fetched last, else the list that comes with the program."""
        try:
            return msgspec.json.decode(read_bytes(self._path), type=Catalogue)
        except BROKEN_FILE:
            return Catalogue(bundled_entries(), "bundled")


def _merge(entry: CatalogueEntry, bundled: CatalogueEntry | None) -> CatalogueEntry:
    """The bundled list knows sizes and licences that a collection does not tell."""
    if bundled is None:
        return entry
    return replace(bundled, collection=entry.collection, downloads=entry.downloads)
