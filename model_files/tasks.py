"""What models are for: a row for each task beside the language models' own, which is "generation"."""

from __future__ import annotations

from dataclasses import dataclass

from notices import Notice

GENERATION = "generation"
_TOKENIZER = "openvino_tokenizer.xml"
_DETOKENIZER = "openvino_detokenizer.xml"


@dataclass(frozen=True)
class ModelTask:
    """`kind`: of the models that serve it, one of `model_kind.KINDS`. `name` is also that of its pipeline
    (`instances.pipelines`) and of what such a model can be asked for. `answers`: said to who asks such a model for
    something else. `tokenizer`: the files it cannot do without. `npu_problem`: why not on an NPU. `takes_turns`: an
    instance has one request at a time and goes on with the next piece of another's."""

    name: str
    kind: str
    answers: str
    tokenizer: tuple[str, ...] = ()
    npu_problem: str | None = None
    takes_turns: bool = False


TASKS = (
    ModelTask(
        "embedding",
        kind="embedding",
        answers="is an embedding model: it answers /v1/embeddings and /api/embed, not this.",
        tokenizer=(_TOKENIZER,),
    ),
    ModelTask(
        "rerank",
        kind="reranker",
        answers="is a reranker: it answers /v1/rerank, not this.",
        tokenizer=(_TOKENIZER,),
        npu_problem=Notice("notices.rerankers_not_on_npu"),
    ),
    ModelTask(
        "transcription",
        kind="whisper",
        answers="is a speech recognition model: it answers /v1/audio/transcriptions and /v1/audio/translations, not "
        "this.",
        tokenizer=(_TOKENIZER, _DETOKENIZER),
        takes_turns=True,
    ),
    ModelTask(
        "speech",
        kind="tts",
        answers="is a speech synthesis model: it answers /v1/audio/speech, not this.",
        npu_problem=Notice("notices.speech_not_on_npu"),
        takes_turns=True,
    ),
    ModelTask(
        "image",
        kind="image",
        answers="is a model of pictures: it answers /v1/images/generations, /v1/images/edits and "
        "/v1/images/variations, not this.",
        npu_problem=Notice("notices.images_not_on_npu"),
        takes_turns=True,
    ),
)
_BY_KIND = {task.kind: task for task in TASKS}
_BY_NAME = {task.name: task for task in TASKS}


def task_of_kind(kind: str) -> ModelTask | None:
    """None of language models, and of what is not served."""
    return _BY_KIND.get(kind)


def task_named(name: str) -> ModelTask | None:
    """None of "generation"."""
    return _BY_NAME.get(name)
