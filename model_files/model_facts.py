"""What kind of model a directory holds, how big it is and what it can do, read from its files without loading it.

Nothing here raises for a bad directory: `ModelFacts.problem` says in a sentence what is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from model_files.drafts import own_drafts
from model_files.embedding_facts import read_embedding_facts
from model_files.facts import ModelFacts, refused
from model_files.file_problems import cut_short, pointer_sentence, sentence
from model_files.gguf_facts import gguf_facts
from model_files.ir_xml import IrError, IrSummary, read_ir
from model_files.model_config import ModelConfig, read_chat_template, read_config, read_license
from model_files.model_kind import kind_of, missing_part
from model_files.npu_rules import pipeline_problem, size_problem
from model_files.quantization import Compression, compression
from model_files.tasks import task_of_kind
from model_files.whisper_rules import languages_problem
from notices import Notice, joined

_GENERATING = ("llm", "vlm")
_CACHING = (*_GENERATING, "eagle3")
_TAKING_VIDEO = frozenset(
    ("llava_next_video", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "qwen3_5_moe", "gemma4", "muse_glimmer",
     "videochat_flash_qwen")
)  # fmt: skip
"""By `model_type` in config.json: the vision-language models whose videos OpenVINO GenAI 2026.4 takes."""
_TOKENIZER_FILES = ("openvino_tokenizer.xml", "openvino_detokenizer.xml")


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


def _release(version: str | None) -> tuple[int, int] | None:
    found = re.match(r"(\d{4})\.(\d{1,2})\b", version or "")
    return (int(found[1]), int(found[2])) if found else None


def _read(directory: Path) -> ModelFacts:
    if directory.is_file():
        return gguf_facts(directory)
    if not directory.is_dir():
        return ModelFacts(problem=Notice("notices.directory_missing"))
    problems: list[str] = []
    irs: dict[Path, IrSummary] = {}
    for path in _model_files(directory):
        try:
            irs[path] = read_ir(path)
        except (OSError, IrError) as error:
            problems.append(sentence(error))
            continue
        problems.extend(_weights_problem(path, irs[path]))
    try:
        config = read_config(directory)
    except (OSError, ValueError) as error:
        config = ModelConfig()
        problems.append(sentence(error))
    kind = kind_of(directory, irs, config)
    if kind.name == "gguf":
        return gguf_facts(directory)
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
        kv=((main.kv if main else None) or config.kv) if kind.name in _CACHING else None,
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


def _weights_problem(path: Path, ir: IrSummary) -> list[str]:
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        return [Notice("notices.file_missing", file=weights.name)] if ir.bin_bytes else []
    if weights.stat().st_size < ir.bin_bytes:
        return [pointer_sentence(weights) or cut_short(weights, ir.bin_bytes)]
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
            problems.append(sentence(error))
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
