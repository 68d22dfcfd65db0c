"""What kind of model a directory holds, how big it is and what it can do, read from its files without loading it.

Nothing here raises for a bad directory: `ModelFacts.problem` says in a sentence what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from memory.kv_cache import KvShape, kv_cache_bytes, kv_format
from model_files.drafts import own_drafts
from model_files.embedding_facts import EmbeddingFacts, read_embedding_facts
from model_files.gguf import GgufError, gguf_files, read_gguf
from model_files.gguf_support import gguf_refusal, gguf_warnings, part_of_many
from model_files.ir_xml import IrError, IrSummary, read_ir
from model_files.model_config import ModelConfig, read_chat_template, read_config, read_license, template_promises
from model_files.model_kind import kind_of, missing_part
from model_files.npu_rules import pipeline_problem, size_problem
from model_files.quantization import Compression, compression
from model_files.tasks import task_of_kind
from model_files.whisper_rules import languages_problem
from notices import Notice, joined

PROCESS_BYTES = 200 * 1024**2
"""What the process of an instance takes beside weights and KV cache."""
MIN_KV_TOKENS = 512
"""The smallest KV cache an instance gets."""
_GENERATING = ("llm", "vlm")
_TAKING_VIDEO = frozenset(
    ("llava_next_video", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "qwen3_5_moe", "gemma4", "muse_glimmer",
     "videochat_flash_qwen")
)  # fmt: skip
"""By `model_type` in config.json: the vision-language models whose videos OpenVINO GenAI 2026.4 takes."""
_POINTER = b"version https://git-lfs"
_MAX_POINTER_BYTES = 1024
_TOKENIZER_FILES = ("openvino_tokenizer.xml", "openvino_detokenizer.xml")


@dataclass(frozen=True)
class ModelFacts:
    """kind: one of model_kind.KINDS. Sizes in bytes, lengths in tokens.

    kv: what a token adds to the KV cache; kv_options: OpenVINO's properties of it that the files pin. quantization
    reads like "INT4_SYM g128 r1.0": mode, group size (-1: one scale a row), share of the weights in that mode.
    embedding: of an embedding model how it is used. problem: why the model cannot be used as it lies there;
    unsupported: that is because of what it is, its files may be whole. npu_problem: why not on an NPU. All say nothing
    where nothing speaks against it. warnings: what one should know of a model that works.
    """

    kind: str = "unknown"
    size_bytes: int = 0
    context_length: int | None = None
    quantization: str | None = None
    parameters: int | None = None
    architecture: str | None = None
    kv: KvShape | None = None
    kv_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    has_tokenizer: bool = False
    chat_template: bool = False
    tools: bool = False
    thinking: bool = False
    vision: bool = False
    video: bool = False
    embedding: EmbeddingFacts | None = None
    license: str | None = None
    runtime_version: str | None = None
    npu_problem: str | None = None
    problem: str | None = None
    unsupported: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def state(self) -> Literal["usable", "unsupported", "damaged"]:
        return "usable" if self.problem is None else "unsupported" if self.unsupported else "damaged"

    @property
    def abilities(self) -> tuple[str, ...]:
        """What it can be asked for. Without a chat template it continues texts only."""
        if self.problem is not None:
            return ()
        if task := task_of_kind(self.kind):
            return (task.name,)
        named = {
            "chat": self.chat_template,
            "tools": self.tools,
            "thinking": self.thinking,
            "vision": self.vision,
            "video": self.video,
        }
        return ("completion", *(name for name, able in named.items() if able))

    @property
    def least_bytes(self) -> int:
        """Memory without which no instance runs, whatever the settings; with the KV cache in 8 bits."""
        cache = kv_cache_bytes(self.kv, MIN_KV_TOKENS, kv_format("GPU", wanted="int8")) if self.kv else 0
        return self.size_bytes + PROCESS_BYTES + cache


Stamp = tuple[tuple[str, int, int], ...]
FactsCache = dict[Path, tuple[Stamp, ModelFacts]]


def read_facts(directory: Path, *, cache: FactsCache | None = None) -> ModelFacts:
    """Read a model directory, or a GGUF file by itself. `cache` keeps the facts while the names, sizes and times of its
    files stay the same."""
    try:
        if cache is None:
            return _read(directory)
        stamp = _stamp(directory)
        if directory not in cache or cache[directory][0] != stamp:
            cache[directory] = (stamp, _read(directory))
        return cache[directory][1]
    except OSError as error:
        return ModelFacts(problem=Notice("notices.directory_unreadable", error=error.strerror or error))


def _stamp(directory: Path) -> Stamp:
    if not directory.is_dir():
        return ((str(directory), directory.stat().st_mtime_ns, directory.stat().st_size),) if directory.exists() else ()
    stats = (
        (path, path.stat()) for pattern in ("*", "*/openvino*", "*/config.json") for path in directory.glob(pattern)
    )
    return tuple(sorted((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats))


def runtime_problem(facts: ModelFacts, installed: str) -> str | None:
    """Why the installed OpenVINO (a version like "2026.4.1") may fail on a model: an IR of a later one can crash it."""
    made, here = _release(facts.runtime_version), _release(installed)
    if made is None or here is None or made <= here:
        return None
    return Notice("notices.made_with_newer", made=f"{made[0]}.{made[1]}", here=f"{here[0]}.{here[1]}")


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if isinstance(text, Notice) else f"{text}."


def _release(version: str | None) -> tuple[int, int] | None:
    found = re.match(r"(\d{4})\.(\d{1,2})\b", version or "")
    return (int(found[1]), int(found[2])) if found else None


def _read(directory: Path) -> ModelFacts:
    if directory.is_file():
        return _gguf_facts(directory)
    if not directory.is_dir():
        return ModelFacts(problem=Notice("notices.directory_missing"))
    problems: list[str] = []
    irs: dict[Path, IrSummary] = {}
    for path in _model_files(directory):
        try:
            irs[path] = read_ir(path)
        except (OSError, IrError) as error:
            problems.append(_sentence(error))
            continue
        problems.extend(_weights_problem(path, irs[path]))
    try:
        config = read_config(directory)
    except (OSError, ValueError) as error:
        config = ModelConfig()
        problems.append(_sentence(error))
    kind = kind_of(directory, irs, config)
    if kind.name == "gguf":
        return _gguf_facts(directory)
    if not irs and (missing := missing_part(directory)):
        problems.append(missing)
    if config.model_type == "whisper" and (unnamed := languages_problem(directory)):
        problems.append(unnamed)
    main = _main_ir(irs)
    facts = ModelFacts(
        kind=kind.name,
        size_bytes=_size(directory, irs),
        context_length=config.context_length,
        architecture=config.architecture,
        parameters=sum(ir.parameters for ir in irs.values()) or None,
        # The IR's own states know better than the configuration, which every architecture spells differently.
        kv=((main.kv if main else None) or config.kv) if kind.name in _GENERATING else None,
        vision=kind.name == "vlm",
        video=kind.name == "vlm" and config.model_type in _TAKING_VIDEO,
        license=read_license(directory),
        problem=joined(*problems) if problems else None,
    )
    if main is not None:
        weights = compression(main)
        facts = replace(
            facts,
            runtime_version=main.runtime_version,
            kv_options=_runtime_options(main),
            quantization=str(weights) if weights else None,
            npu_problem=_npu_problem(kind.name, weights, facts.parameters),
        )
    if kind.refusal:
        return facts if facts.problem else refused(facts, kind.refusal)
    if kind.name == "embedding" and main is not None:
        facts = _with_embedding(facts, directory, main)
    facts = _with_tokenizer(facts, directory)
    newer = runtime_problem(facts, _installed_openvino())
    return refused(facts, newer) if newer and not facts.problem else facts


def _npu_problem(kind: str, weights: Compression | None, parameters: int | None) -> str | None:
    if kind in _GENERATING:
        return (weights.npu_problem if weights else None) or size_problem(parameters)
    return pipeline_problem(kind, None)


def refused(facts: ModelFacts, sentence: str) -> ModelFacts:
    return replace(facts, problem=sentence, unsupported=True)


def _installed_openvino() -> str:
    """Without importing it."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return ""


def _model_files(directory: Path) -> list[Path]:
    """The IRs of a model; image pipelines keep theirs one folder down."""
    found = [*directory.glob("openvino*.xml"), *directory.glob("*/openvino*.xml")]
    drafts = own_drafts(directory)
    return sorted(
        path
        for path in found
        if "tokenizer" not in path.name and ".cache" not in path.parts and path.parent not in drafts
    )


def _gguf_facts(directory: Path) -> ModelFacts:
    """A GGUF holds weights, configuration, tokenizer and template in one file."""
    files = gguf_files(directory)
    facts = ModelFacts(kind="gguf", license=read_license(directory))
    if any(part_of_many(path.name) for path in files):
        return refused(facts, Notice("notices.gguf_split"))
    if directory.is_file() and not files:
        return ModelFacts(problem=Notice("notices.single_file_not_gguf"))
    if not files:
        return replace(facts, problem=Notice("notices.gguf_projector_only"))
    if len(files) > 1:
        return refused(facts, Notice("notices.gguf_several", count=len(files)))
    facts = replace(facts, size_bytes=files[0].stat().st_size)
    if pointer := _pointer_sentence(files[0]):
        return replace(facts, problem=pointer)
    try:
        header = read_gguf(files[0])
    except GgufError as error:
        return replace(facts, problem=_sentence(error))
    template = template_promises(header.chat_template or "", header.architecture)
    facts = replace(
        facts,
        kind="lora" if header.adapter else "gguf",
        context_length=header.context_length,
        quantization=header.quantization,
        parameters=header.parameters,
        architecture=header.architecture,
        kv=header.kv,
        has_tokenizer=True,
        chat_template=template.present,
        tools=template.tools,
        thinking=template.thinking,
        license=facts.license or header.license,
        npu_problem=pipeline_problem("gguf", None),
        warnings=gguf_warnings(header),
    )
    if facts.size_bytes < header.file_bytes:
        return replace(facts, problem=_cut_short(files[0], header.file_bytes))
    refusal = gguf_refusal(header)
    return refused(facts, refusal) if refusal else facts


def _pointer_sentence(path: Path) -> str | None:
    """A clone without Git LFS holds small texts that stand for the large files."""
    if path.stat().st_size > _MAX_POINTER_BYTES or not path.read_bytes().startswith(_POINTER):
        return None
    return Notice("notices.lfs_pointer", file=path.name)


def _cut_short(path: Path, whole: int) -> str:
    return Notice("notices.file_cut_short", file=path.name, size=f"{path.stat().st_size:,}", whole=f"{whole:,}")


def _weights_problem(path: Path, ir: IrSummary) -> list[str]:
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        return [Notice("notices.file_missing", file=weights.name)] if ir.bin_bytes else []
    if weights.stat().st_size < ir.bin_bytes:
        return [_pointer_sentence(weights) or _cut_short(weights, ir.bin_bytes)]
    return []


def _main_ir(irs: dict[Path, IrSummary]) -> IrSummary | None:
    """The IR that speaks for the model: the language model, else the largest."""
    for path, ir in irs.items():
        if path.name == "openvino_language_model.xml":
            return ir
    return max(irs.values(), key=lambda ir: ir.bin_bytes, default=None)


def _size(directory: Path, irs: dict[Path, IrSummary]) -> int:
    weights = [path.with_suffix(".bin") for path in irs] + list(directory.glob("*.gguf"))
    return sum(path.stat().st_size for path in weights if path.is_file())


def _runtime_options(ir: IrSummary) -> dict[str, str]:
    """What the IR asks of the plugin about the cache; a property handed to the pipeline goes before it."""
    options = {name.rpartition("/")[2]: value for name, value in ir.rt_info.items() if "runtime_options/" in name}
    return {name: value for name, value in options.items() if name.endswith("_CACHE_PRECISION")}


def _with_tokenizer(facts: ModelFacts, directory: Path) -> ModelFacts:
    task = task_of_kind(facts.kind)
    needed = task.tokenizer if task else _TOKENIZER_FILES if facts.kind in _GENERATING else ()
    if not needed:
        return facts
    problems = [facts.problem] if facts.problem else []
    template_in_xml: str | None = None
    missing = [name for name in _TOKENIZER_FILES if not (directory / name).is_file()]
    if not set(needed).intersection(missing):
        missing = []
    if missing:
        problems.append(Notice("notices.tokenizer_missing", files=" and ".join(missing)))
    for path in (directory / name for name in _TOKENIZER_FILES if (directory / name).is_file()):
        try:
            ir = read_ir(path)
        except (OSError, IrError) as error:
            problems.append(_sentence(error))
            continue
        problems.extend(_weights_problem(path, ir))
        if path.name == _TOKENIZER_FILES[0]:
            template_in_xml = ir.rt_info.get("chat_template")
    template = read_chat_template(directory, template_in_xml)
    return replace(
        facts,
        has_tokenizer=not missing,
        chat_template=template.present,
        tools=template.tools,
        thinking=template.thinking,
        problem=joined(*problems) if problems else None,
    )


def _with_embedding(facts: ModelFacts, directory: Path, ir: IrSummary) -> ModelFacts:
    try:
        embedding, refusal = read_embedding_facts(directory, ir, facts.architecture)
    except (OSError, ValueError) as error:
        return replace(facts, problem=" ".join(filter(None, (facts.problem, f"{error}."))))
    lengths = [length for length in (facts.context_length, embedding.max_tokens) if length]
    facts = replace(
        facts,
        embedding=embedding,
        context_length=min(lengths, default=None),
        warnings=embedding.warnings,
        npu_problem=pipeline_problem(facts.kind, embedding),
    )
    return refused(facts, refusal) if refusal and not facts.problem else facts
