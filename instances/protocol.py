"""What the device server and an instance's worker say to each other.

Each is a frame of `instances.frames`. The first to the worker is a `LoadModel`; the first one back is
`InstanceReady` or `LoadFailed`.
"""

from typing import Any, Literal

import msgspec

from configuration.sampling import SamplingParams
from memory.kv_cache import StateCache

Pooling = Literal["cls", "mean", "last_token"]
PipelineKind = str
"""A key of `instances.pipelines.PIPELINES`."""
Text = str | list[int]
"""A text, or the ids of one."""
FinishReason = Literal["stop", "length", "cancelled"]


class JsonSchema(msgspec.Struct, frozen=True, tag="json_schema"):
    """The answer is a JSON text of this schema (JSON)."""

    schema: str


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """The whole answer matches `pattern`."""

    pattern: str


class Grammar(msgspec.Struct, frozen=True, tag="grammar"):
    """The answer is a sentence of this grammar: XGrammar's EBNF, start rule `root`. With `resumable` an answer can be
    continued under the grammar's beginning, as where calls may be made amid free text."""

    ebnf: str
    resumable: bool = False


class StructuralTags(msgspec.Struct, frozen=True, tag="structural_tags"):
    """The answer has the form of XGrammar's structural tag (JSON)."""

    tags: str


Structure = JsonSchema | Regex | Grammar | StructuralTags


class GenerationParams(SamplingParams, frozen=True, omit_defaults=True):
    """All that a worker is told of an answer. It looks for no `stop`: texts are cut where ids become text.

    `ignore_eos`: go on to `max_tokens` in any case. `structure` must have passed a `GrammarProbe`: an invalid one
    breaks a shared pipeline in its next step. `structure_bytes` is what it takes compiled.
    """

    logprobs: bool = False
    ignore_eos: bool = False
    structure: Structure | None = None
    structure_bytes: int = 0

    @property
    def token_limit(self) -> int:
        """`max_tokens`, which is set once it is known what the context leaves."""
        return self.max_tokens or 0


class Draft(msgspec.Struct, frozen=True):
    """The model in `directory` drafts `tokens` at a time for requests that run alone, of `context_tokens` at most."""

    directory: str
    tokens: int
    context_tokens: int


class LoadModel(msgspec.Struct, frozen=True, tag=True):
    """Everything a worker needs to load its model.

    `device` is an OpenVINO device name. `kv_cache_tokens` sizes the KV cache of a continuous-batching pipeline;
    `state_cache` holds the states of linear attention beside it; `max_prompt_len` and `min_response_len` (tokens) size
    the static one of an NPU; `max_prompt_len` is also where an embedding model or a reranker cuts a text. `pooling`
    makes one vector of an embedding model's tokens, None where the model itself does.
    """

    directory: str
    device: str
    pipeline: PipelineKind
    properties: dict[str, Any]
    cache_dir: str | None
    kv_cache_tokens: int
    max_prompt_len: int
    min_response_len: int
    max_num_batched_tokens: int | None = None
    prompt_lookup: int | None = None
    draft: Draft | None = None
    pooling: Pooling | None = None
    state_cache: StateCache | None = None


class Image(msgspec.Struct, frozen=True, array_like=True):
    """A picture: `height` rows of `width` pixels, three bytes (red, green, blue) each."""

    width: int
    height: int
    pixels: bytes


class Video(msgspec.Struct, frozen=True, array_like=True):
    """A clip: the pixels of its `frames` one after the other, each as in `Image`, `fps` of them a second."""

    width: int
    height: int
    frames: int
    fps: float
    pixels: bytes


class MultimodalPrompt(msgspec.Struct, frozen=True):
    """What a vision-language model is asked: a text, with the tag `image_tag(n)` where the n-th image belongs, and
    `video_tag(n)` where the n-th video does.

    `tokens` is how many of a request's `prompt_ids` stand for it; those after them have been generated since.
    """

    prompt: str
    images: list[Image]
    tokens: int
    videos: list[Video] = []


def image_tag(index: int) -> str:
    """What stands for an image in a prompt, whatever the model: the library's own tag, which it translates."""
    return f"<ov_genai_image_{index}>"


def video_tag(index: int) -> str:
    """As `image_tag`, for a video."""
    return f"<ov_genai_video_{index}>"


class Generate(msgspec.Struct, frozen=True, tag=True):
    """Generate an answer to `prompt_ids`. `id` is unique among the requests of one worker's life.

    A vision-language model takes `multimodal` instead: it has no ids for what an image is.
    """

    id: int
    prompt_ids: list[int]
    sampling: GenerationParams
    multimodal: MultimodalPrompt | None = None


class VectorizeTexts(msgspec.Struct, frozen=True, tag=True):
    """Make a vector of each text, with `prefix` before it. A text longer than the model's context is cut, or without
    `truncate` refused."""

    id: int
    texts: list[Text]
    truncate: bool
    prefix: str = ""


class ScoreTexts(msgspec.Struct, frozen=True, tag=True):
    """Say of each text how well it answers `query`."""

    id: int
    query: str
    texts: list[str]


class ScorePrompt(msgspec.Struct, frozen=True, tag=True):
    """Say how likely each of `ids` is after those before it, and which `top` tokens would be the likeliest."""

    id: int
    ids: list[int]
    top: int


class Work(msgspec.Struct, frozen=True, tag=True):
    """Work in a kind's own words: `data` is MessagePack of what the kind's module defines."""

    id: int
    data: bytes


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop request `id` at the next step; its last output says "cancelled"."""

    id: int


class InstanceReady(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded and warm. `pid` is the worker's own: what was started may be a launcher in front of it, as
    `python.exe` of a virtual environment on Windows is."""

    load_seconds: float
    warm_up_seconds: float
    pid: int


class LoadFailed(msgspec.Struct, frozen=True, tag=True):
    """The model could not be loaded; the worker ends."""

    message: str


class Rows(msgspec.Struct, frozen=True, array_like=True):
    """One row of numbers a text, as little-endian 32-bit floats, and how many tokens the model read of each text.

    Of a `ScorePrompt` 64-bit ones, a row a token: its log probability (not a number for the first), then id and log
    probability of each of the likeliest.
    """

    data: bytes
    tokens: list[int]


class TokenOutput(msgspec.Struct, frozen=True, array_like=True):
    """What one step added to one request. The last output of a request has `finish` or `error` set.

    Where the pipeline knows them: `cached_tokens`, with the first output, is how much of the prompt did not have to be
    computed again, `prompt_tokens`, with the last one, how long the prompt was, or the text that was too long;
    `evicted_tokens`, with the first, how much of it had been in the KV cache, had made room for others, and was
    computed again. `data`: a piece of what a `Work` has made.
    """

    id: int
    tokens: list[int]
    finish: FinishReason | None = None
    error: str | None = None
    logprobs: list[float] | None = None
    rows: Rows | None = None
    cached_tokens: int | None = None
    prompt_tokens: int | None = None
    evicted_tokens: int | None = None
    data: bytes | None = None


class TokenOutputs(msgspec.Struct, frozen=True, tag=True):
    """The outputs of one step, over all requests. `at`: when they were there, in seconds on a clock of the worker's
    own, of which only differences mean something."""

    outputs: list[TokenOutput]
    at: float = 0.0


class InstanceBroken(msgspec.Struct, frozen=True, tag=True):
    """The pipeline raised during a step and cannot be trusted any more; the worker ends."""

    message: str


TextWork = VectorizeTexts | ScoreTexts | ScorePrompt
Request = Generate | TextWork | Work
ToWorker = LoadModel | Request | Cancel
FromWorker = InstanceReady | LoadFailed | TokenOutputs | InstanceBroken

_to_worker = msgspec.msgpack.Decoder(ToWorker)
_from_worker = msgspec.msgpack.Decoder(FromWorker)


def decode_to_worker(payload: bytes) -> ToWorker:
    return _to_worker.decode(payload)


def decode_from_worker(payload: bytes) -> FromWorker:
    return _from_worker.decode(payload)
