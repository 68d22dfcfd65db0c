"""What kind of model a directory holds, how big it is and what it can do, read from its files without loading it.

Nothing here raises for a bad directory: `ModelFacts.problem` says in a sentence what is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from devices.embedding_facts import EmbeddingFacts, read_embedding_facts
from devices.gguf import READABLE_ARCHITECTURES, READABLE_TYPES, GgufError, gguf_files, read_gguf
from devices.ir_xml import IrError, IrSummary, read_ir
from devices.model_config import ModelConfig, read_chat_template, read_config, read_license, template_promises
from devices.quantization import compression

PROCESS_BYTES = 200 * 1024**2
"""What the process of an instance takes beside weights and KV cache."""
MIN_KV_TOKENS = 512
"""The smallest KV cache an instance gets."""
_KV_BYTES = 2  # f16, as GPU and NPU keep it; CPU's default u8 needs half
_GENERATING = ("llm", "vlm")
_TOKENIZER_FILES = ("openvino_tokenizer.xml", "openvino_detokenizer.xml")
_WEIGHTS_ELSEWHERE = {".safetensors": "PyTorch", ".pt": "PyTorch", ".pth": "PyTorch", ".onnx": "ONNX", ".h5": "Keras"}


@dataclass(frozen=True)
class ModelFacts:
    """kind: llm, vlm, embedding, reranker, whisper, tts, image, gguf or unknown. Sizes in bytes, lengths in tokens.

    kv_bytes_per_token counts 2 bytes an element (f16). quantization reads like "INT4_SYM g128 r1.0": mode, group size
    (-1: one scale a row), share of the weights in that mode. embedding: of an embedding model how it is used.
    problem: why the model cannot be used as it lies there; npu_problem: why not on an NPU; both None when nothing
    speaks against it.
    """

    kind: str = "unknown"
    size_bytes: int = 0
    context_length: int | None = None
    quantization: str | None = None
    parameters: int | None = None
    architecture: str | None = None
    kv_bytes_per_token: int | None = None
    has_tokenizer: bool = False
    chat_template: bool = False
    tools: bool = False
    thinking: bool = False
    vision: bool = False
    embedding: EmbeddingFacts | None = None
    license: str | None = None
    runtime_version: str | None = None
    npu_problem: str | None = None
    problem: str | None = None

    @property
    def least_bytes(self) -> int:
        """Memory without which no instance runs, whatever the settings; with the KV cache in 8 bits."""
        return self.size_bytes + PROCESS_BYTES + MIN_KV_TOKENS * (self.kv_bytes_per_token or 0) // _KV_BYTES


Stamp = tuple[tuple[str, int, int], ...]
FactsCache = dict[Path, tuple[Stamp, ModelFacts]]


def read_facts(directory: Path, *, cache: FactsCache | None = None) -> ModelFacts:
    """Read a model directory. `cache` keeps the facts while the names, sizes and times of its files stay the same."""
    try:
        if cache is None:
            return _read(directory)
        stamp = _stamp(directory)
        if directory not in cache or cache[directory][0] != stamp:
            cache[directory] = (stamp, _read(directory))
        return cache[directory][1]
    except OSError as error:
        return ModelFacts(problem=f"The directory cannot be read: {error.strerror or error}.")


def _stamp(directory: Path) -> Stamp:
    if not directory.is_dir():
        return ()
    stats = ((path, path.stat()) for pattern in ("*", "*/openvino*") for path in directory.glob(pattern))
    return tuple(sorted((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats))


def runtime_problem(facts: ModelFacts, installed: str) -> str | None:
    """Why the installed OpenVINO (a version like "2026.4.1") may fail on a model: an IR of a later one can crash it."""
    made, here = _release(facts.runtime_version), _release(installed)
    if made is None or here is None or made <= here:
        return None
    return f"Made with OpenVINO {made[0]}.{made[1]}, newer than the {here[0]}.{here[1]} installed here: update that."


def _release(version: str | None) -> tuple[int, int] | None:
    found = re.match(r"(\d{4})\.(\d{1,2})\b", version or "")
    return (int(found[1]), int(found[2])) if found else None


def _read(directory: Path) -> ModelFacts:
    if not directory.is_dir():
        return ModelFacts(problem="The directory does not exist.")
    problems: list[str] = []
    irs: dict[Path, IrSummary] = {}
    for path in _model_files(directory):
        try:
            irs[path] = read_ir(path)
        except (OSError, IrError) as error:
            problems.append(f"{error}.")
            continue
        problems.extend(_weights_problem(path, irs[path]))
    try:
        config = read_config(directory)
    except (OSError, ValueError) as error:
        config = ModelConfig()
        problems.append(f"{error}.")
    kind = _kind(directory, irs, config)
    main = _main_ir(irs)
    facts = ModelFacts(
        kind=kind,
        size_bytes=_size(directory, irs),
        context_length=config.context_length,
        architecture=config.architecture,
        parameters=sum(ir.parameters for ir in irs.values()) or None,
        kv_bytes_per_token=_kv_bytes(main, config) if kind in _GENERATING else None,
        vision=kind == "vlm",
        license=read_license(directory),
        problem=" ".join(problems) or None,
    )
    if main is not None:
        weights = compression(main)
        facts = replace(
            facts,
            runtime_version=main.runtime_version,
            quantization=str(weights) if weights else None,
            npu_problem=weights.npu_problem if weights and kind in _GENERATING else None,
        )
    if kind == "gguf":
        return _gguf_facts(directory)
    if kind == "embedding" and main is not None:
        facts = _with_embedding(facts, directory, main)
    if kind == "unknown" and not problems:
        facts = replace(facts, problem=_not_a_model(directory))
    return _with_tokenizer(facts, directory)


def _model_files(directory: Path) -> list[Path]:
    """The IRs of a model; image pipelines keep theirs one folder down."""
    found = [*directory.glob("openvino*.xml"), *directory.glob("*/openvino*.xml")]
    return sorted(path for path in found if "tokenizer" not in path.name and ".cache" not in path.parts)


def _gguf_facts(directory: Path) -> ModelFacts:
    """A GGUF holds weights, configuration, tokenizer and template in one file."""
    files = gguf_files(directory)
    if len(files) != 1:
        return ModelFacts(kind="gguf", problem=f"{len(files)} GGUF models lie here: keep one of them.")
    size = files[0].stat().st_size
    try:
        header = read_gguf(files[0])
    except GgufError as error:
        return ModelFacts(kind="gguf", size_bytes=size, problem=f"{error}.")
    problem = None
    if size < header.file_bytes:
        problem = (
            f"{files[0].name} is cut short: {size:,} bytes of at least {header.file_bytes:,}. Pull the model again."
        )
    elif header.architecture not in READABLE_ARCHITECTURES:
        known = ", ".join(READABLE_ARCHITECTURES)
        problem = f'OpenVINO GenAI reads GGUF models of {known}; this one is "{header.architecture}".'
    elif unread := sorted(header.tensor_types - READABLE_TYPES):
        problem = f"OpenVINO GenAI does not read {', '.join(unread)} in GGUF files: take Q4_0, Q4_K_M or Q8_0."
    template = template_promises(header.chat_template or "")
    return ModelFacts(
        kind="gguf",
        size_bytes=size,
        context_length=header.context_length,
        quantization=header.quantization,
        parameters=header.parameters,
        architecture=header.architecture,
        kv_bytes_per_token=header.kv_elements_per_token * _KV_BYTES if header.kv_elements_per_token else None,
        has_tokenizer=True,
        chat_template=template.present,
        tools=template.tools,
        thinking=template.thinking,
        license=read_license(directory),
        npu_problem="OpenVINO GenAI does not run GGUF models on the NPU.",
        problem=problem,
    )


def _weights_problem(path: Path, ir: IrSummary) -> list[str]:
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        return [f"{weights.name} is missing."]
    size = weights.stat().st_size
    if size < ir.bin_bytes:
        return [f"{weights.name} is cut short: {size:,} bytes of at least {ir.bin_bytes:,}. Pull the model again."]
    return []


def _kind(directory: Path, irs: dict[Path, IrSummary], config: ModelConfig) -> str:
    names = {path.name for path in directory.glob("*.xml")}
    architecture = config.architecture or ""
    if (directory / "model_index.json").is_file():
        return "image"
    if {"openvino_language_model.xml", "openvino_text_embeddings_model.xml"} <= names:
        return "vlm"
    if {"openvino_encoder_model.xml", "openvino_decoder_model.xml"} <= names:
        return "whisper"
    if {"openvino_postnet.xml", "openvino_vocoder.xml"} <= names or "kokoro" in architecture.lower():
        return "tts"
    if any(directory.glob("*.gguf")):
        return "gguf"
    ir = irs.get(directory / "openvino_model.xml")
    if ir is None:
        return "unknown"
    # Qwen3's rerankers are language models by their files; only their names tell.
    asks = architecture.startswith("Qwen3") and "rerank" in directory.name.lower()
    if "beam_idx" in ir.inputs and "logits" in ir.outputs:
        return "reranker" if asks else "llm"
    return "reranker" if architecture.endswith("ForSequenceClassification") else "embedding"


def _main_ir(irs: dict[Path, IrSummary]) -> IrSummary | None:
    """The IR that speaks for the model: the language model, else the largest."""
    for path, ir in irs.items():
        if path.name == "openvino_language_model.xml":
            return ir
    return max(irs.values(), key=lambda ir: ir.bin_bytes, default=None)


def _size(directory: Path, irs: dict[Path, IrSummary]) -> int:
    weights = [path.with_suffix(".bin") for path in irs] + list(directory.glob("*.gguf"))
    return sum(path.stat().st_size for path in weights if path.is_file())


def _kv_bytes(ir: IrSummary | None, config: ModelConfig) -> int | None:
    """The IR's own cache states know better than the configuration, which every architecture spells differently."""
    elements = (ir.kv_elements_per_token if ir else None) or config.kv_elements_per_token
    return elements * _KV_BYTES if elements else None


def _with_tokenizer(facts: ModelFacts, directory: Path) -> ModelFacts:
    if facts.kind not in ("llm", "vlm", "embedding", "reranker", "whisper"):
        return facts
    problem = facts.problem
    template_in_xml: str | None = None
    missing = [name for name in _TOKENIZER_FILES if not (directory / name).is_file()]
    if missing and facts.kind in ("embedding", "reranker"):
        missing = missing if _TOKENIZER_FILES[0] in missing else []
    if missing:
        sentence = f"{' and '.join(missing)} missing: convert the tokenizer with convert_tokenizer --with-detokenizer."
        problem = f"{problem} {sentence}" if problem else sentence
    if (directory / _TOKENIZER_FILES[0]).is_file():
        try:
            template_in_xml = read_ir(directory / _TOKENIZER_FILES[0]).rt_info.get("chat_template")
        except (OSError, IrError) as error:
            problem = f"{problem} {error}." if problem else f"{error}."
    template = read_chat_template(directory, template_in_xml)
    return replace(
        facts,
        has_tokenizer=not missing,
        chat_template=template.present,
        tools=template.tools,
        thinking=template.thinking,
        problem=problem,
    )


def _with_embedding(facts: ModelFacts, directory: Path, ir: IrSummary) -> ModelFacts:
    try:
        embedding, problem = read_embedding_facts(directory, ir, facts.architecture)
    except (OSError, ValueError) as error:
        return replace(facts, problem=" ".join(filter(None, (facts.problem, f"{error}."))))
    lengths = [length for length in (facts.context_length, embedding.max_tokens) if length]
    return replace(
        facts,
        embedding=embedding,
        context_length=min(lengths, default=None),
        problem=" ".join(filter(None, (facts.problem, problem))) or None,
    )


def _not_a_model(directory: Path) -> str:
    for path in sorted(directory.iterdir()):
        origin = _WEIGHTS_ELSEWHERE.get(path.suffix.lower())
        if origin is None and path.name == "pytorch_model.bin":
            origin = "PyTorch"
        if origin:
            return (
                f"No OpenVINO model: {path.name} holds {origin} weights. "
                "Convert it with: optimum-cli export openvino --model <source> <directory>."
            )
    return "No OpenVINO model: there is no openvino_model.xml."
