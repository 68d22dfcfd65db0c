"""What is known of a model in a GGUF file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model_files.facts import ModelFacts, refused
from model_files.file_problems import cut_short, pointer_sentence, sentence
from model_files.gguf import GgufError, gguf_files, read_gguf
from model_files.gguf_support import gguf_refusal, gguf_warnings, part_of_many
from model_files.model_config import read_license, template_promises
from model_files.npu_rules import pipeline_problem
from notices import Notice


def gguf_facts(directory: Path) -> ModelFacts:
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
    if pointer := pointer_sentence(files[0]):
        return replace(facts, problem=pointer)
    try:
        header = read_gguf(files[0])
    except GgufError as error:
        return replace(facts, problem=sentence(error))
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
        return replace(facts, problem=cut_short(files[0], header.file_bytes))
    refusal = gguf_refusal(header)
    return refused(facts, refusal) if refusal else facts
