"""One assigned model on one device: what is known of it before any instance runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configuration.device_config import ModelAssignment
from configuration.sampling import SamplingParams
from hardware.devices import ResolvedDevice
from instances.protocol import PipelineKind
from memory.kv_cache import KvFormat, kv_format
from model_files.facts import ModelFacts
from model_files.known_embedders import Pooling
from model_files.tasks import GENERATION, ModelTask, task_of_kind
from notices import Notice
from web.errors import InvalidRequest

DEFAULT_CONTEXT_TOKENS = 4096
DEFAULT_NPU_PROMPT_TOKENS = 1024
NPU_RESPONSE_TOKENS = 512
_GENERATES = "is a language model: it answers /v1/chat/completions and its like, not this."
NO_CHAT = (
    "has no chat template, so it cannot take a conversation: it continues texts at /v1/completions and /api/generate."
)
_GUESSING_TOKENS = 32
"""A block of the KV cache."""
_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
"""Nothing is rounded to fewer bits than the weights come in: neither activations nor the KV cache."""


@dataclass(frozen=True)
class ModelDefaults:
    """What its assignment or an alias adds to a model: a system prompt, a chat template, defaults for sampling."""

    system: str | None = None
    template: str | None = None
    sampling: SamplingParams = field(default_factory=SamplingParams)


@dataclass(frozen=True)
class DraftModel:
    """The model that drafts tokens for another, so many at a time."""

    directory: Path
    facts: ModelFacts
    tokens: int


@dataclass(frozen=True)
class ServedModel:
    """`public_id` is what clients call it: the device's name, a hyphen, the model id or its alias.

    An alias differs from its model in `public_id` and `model_defaults` only; both share the model's instances.
    """

    id: str
    public_id: str
    directory: Path
    facts: ModelFacts
    assignment: ModelAssignment
    device: ResolvedDevice
    model_defaults: ModelDefaults = ModelDefaults()
    parallel_generations: bool = False
    draft: DraftModel | None = None
    draft_problem: str | None = None
    scoring: bool = False
    """Whether it is loaded to score prompts, not to answer them; see `pools.prompt_scores`."""

    @property
    def task(self) -> str:
        """What the model is for: "generation", or the name of a row of `model_files.tasks`."""
        return self._task.name if self._task else GENERATION

    @property
    def _task(self) -> ModelTask | None:
        return task_of_kind(self.facts.kind)

    @property
    def is_alias(self) -> bool:
        """Device names hold no hyphen."""
        return self.public_id.partition("-")[2] != self.id

    @property
    def lays_out_anew(self) -> bool:
        """Whether the CPU plugin keeps a copy of the weights in a layout of its own."""
        return self._task is None or self._task.takes_turns

    def require(self, task: str) -> None:
        """Raise `InvalidRequest` when the model is for something else."""
        if self.task != task:
            sentence = self._task.answers if self._task else _GENERATES
            raise InvalidRequest(f"'{self.public_id}' {sentence}", param="model")

    def require_chat(self) -> None:
        """Raise `InvalidRequest` when the model cannot take a conversation, saying what it can."""
        self.require(GENERATION)
        if self.problem is None and not (self.facts.chat_template or self.model_defaults.template):
            raise InvalidRequest(f"'{self.public_id}' {NO_CHAT}", param="model")

    @property
    def problem(self) -> str | None:
        """Why the files cannot be served, found without loading them: a native loader may crash on them."""
        needs_tokenizer = self._task is None or self._task.tokenizer
        if self.facts.problem is None and needs_tokenizer and not self.facts.has_tokenizer:
            return Notice("notices.no_tokenizer")
        return self.facts.problem or self.draft_problem

    @property
    def pipeline(self) -> PipelineKind:
        """The task's; for generation what is assigned, by itself an NPU's only kind and elsewhere the batching one, for
        models that see in their own form."""
        if self.task != GENERATION:
            return self.task
        if self.scoring:
            return "prompt_scores"
        single = self.on_npu or self.assignment.pipeline == "llm_pipeline"
        if self.facts.vision:
            return "vision_pipeline" if single else "vision_batching"
        return "llm_pipeline" if single else "continuous_batching"

    @property
    def one_at_a_time(self) -> bool:
        """Whether an instance answers one request at a time."""
        return self.pipeline in ("llm_pipeline", "vision_pipeline")

    @property
    def pooling(self) -> Pooling | None:
        """Of an embedding model: as configured, else as its files say; None where the model itself ends in a vector."""
        facts = self.facts.embedding
        return self.assignment.pooling or (facts.pooling if facts else None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know of its files, but for a guess at the pooling that its assignment has settled."""
        settled = self.assignment.pooling is not None
        return () if settled and self.facts.embedding else self.facts.warnings

    @property
    def on_npu(self) -> bool:
        return self.device.used.startswith("NPU")

    @property
    def needs_device_turn(self) -> bool:
        """Whether only one instance of the device may generate at a time: on a real NPU, unless it is configured."""
        on_real_npu = self.on_npu and "NPUW_DEVICES" not in self.assignment.extra_config
        return on_real_npu and not self.parallel_generations

    @property
    def max_instances(self) -> int:
        """Copies buy concurrency only where one copy answers one request."""
        return self.assignment.max_concurrent if self.one_at_a_time else 1

    @property
    def requests_per_instance(self) -> int:
        takes_turns = self._task is not None and self._task.takes_turns
        return 1 if self.one_at_a_time or takes_turns else self.assignment.max_concurrent

    @property
    def max_prompt_tokens(self) -> int | None:
        """The static prompt limit of an NPU pipeline, None where only the context limits."""
        if not self.on_npu or self.task != GENERATION:
            return None
        return self.assignment.max_prompt_len or DEFAULT_NPU_PROMPT_TOKENS

    @property
    def configured(self) -> dict[str, Any]:
        """The OpenVINO properties of its assignment: those of its precision, over them `extra_config`."""
        return {**(_EXACT if self._exact else {}), **self.assignment.extra_config}

    @property
    def _exact(self) -> bool:
        return self.assignment.precision == "exact" and not self.on_npu

    @property
    def kv_format(self) -> KvFormat:
        """How its KV cache is kept where it runs; exact precision keeps its own."""
        return kv_format(
            self.device.used,
            wanted=None if self._exact else self.assignment.kv_cache_precision,
            properties=self.configured,
            pinned=self.facts.kv_options,
        )

    @property
    def prompt_lookup(self) -> int | None:
        """As assigned, where it can be: the library guesses nothing for linear attention while prefixes are cached."""
        hybrid = self.facts.kv is not None and self.facts.kv.state_elements > 0
        return None if hybrid or self.pipeline != "continuous_batching" else self.assignment.prompt_lookup

    @property
    def guessing_tokens(self) -> int:
        """What the KV cache holds beside the reservations: guessed tokens lie there until they are checked, a block
        of it for each request."""
        return _GUESSING_TOKENS * self.requests_per_instance if self.prompt_lookup or self.drafting else 0

    @property
    def warms_prefixes(self) -> bool:
        """Whether it has a prefix cache in which what prompts begin with is worth reading beforehand."""
        return self.assignment.warm_prefixes and self.pipeline == "continuous_batching"

    @property
    def drafting(self) -> bool:
        """Whether an instance holds its draft too."""
        return self.draft is not None and self.pipeline == "continuous_batching"

    @property
    def drafted_tokens(self) -> int:
        """What the KV cache of the pipeline with the draft holds, if the other's is as large: the longest request."""
        return self.context_tokens + _GUESSING_TOKENS

    @property
    def response_tokens(self) -> int:
        """MIN_RESPONSE_LEN: what an NPU's static context holds beyond the prompt limit."""
        return int(self.assignment.extra_config.get("MIN_RESPONSE_LEN", NPU_RESPONSE_TOKENS))

    @property
    def context_tokens(self) -> int:
        """Prompt and answer together."""
        if self.max_prompt_tokens is not None:
            return self.max_prompt_tokens + self.response_tokens
        return self.facts.context_length or DEFAULT_CONTEXT_TOKENS
