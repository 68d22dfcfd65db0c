"""One assigned model on one device: what is known of it before any instance runs."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from configuration.device_config import ModelAssignment
from configuration.sampling import SamplingParams
from configuration.tuning_store import PipelineSettings
from hardware.devices import ResolvedDevice
from instances.protocol import Draft, LoadModel, PipelineKind
from memory.kv_cache import KvFormat, KvShape, kv_cache_bytes, kv_cache_tokens, kv_format
from memory.readings import GB
from model_files.gguf import load_path
from model_files.known_embedders import Pooling
from model_files.model_facts import MIN_KV_TOKENS, PROCESS_BYTES, ModelFacts
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
_KV_CACHE_SHARE = 0.25
_REPACKED_ON_CPU = 1.9
"""Measured with 85 to 270 MB of weights in int4, int8 and f16: 1.86 to 2.0."""
_GGUF_ON_CPU, _WHOLE_GGUF_ON_CPU = 2.6, 3.2
"""Of a GGUF file no pages are shared: it is read, unpacked and laid out. Measured with 77 to 271 MB: 2.4 to 2.6 where
it is quantised, 3.1 with 16 bits."""
_UNPACKED_BYTES = 8
_GUESSING_TOKENS = 32
"""A block of the KV cache."""
_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
"""Nothing is rounded to fewer bits than the weights come in: neither activations nor the KV cache."""
_UNKNOWN_SHAPE = KvShape(32 * 1024, 32 * 1024, 256)
"""Of a model whose files do not tell: 128 KiB a token in 16 bits."""
_CPU_DEFAULTS = {"CPU_RUNTIME_CACHE_CAPACITY": 64}
"""Of the code that OpenVINO generates for each new shape of a batch; its own 5000 come to most of a gigabyte."""


@dataclass(frozen=True)
class ModelDefaults:
    """What its assignment or an alias adds to a model: a system prompt, a chat template, defaults for sampling."""

    system: str | None = None
    template: str | None = None
    sampling: SamplingParams = field(default_factory=SamplingParams)


@dataclass(frozen=True)
class DraftModel:
    """The model that drafts tokens for another."""

    directory: Path
    facts: ModelFacts


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
    tuned: PipelineSettings | None = None
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
        """The task's; for generation what is assigned, by itself an NPU's only kind and elsewhere what tuning found
        best or the batching one, for models that see in their own form."""
        if self.task != GENERATION:
            return self.task
        if self.scoring:
            return "prompt_scores"
        tuned = self.tuned.pipeline if self.tuned else "auto"
        wanted = tuned if self.assignment.pipeline == "auto" else self.assignment.pipeline
        single = self.on_npu or wanted == "llm_pipeline"
        if self.facts.vision:
            return "vision_pipeline" if single else "vision_batching"
        return "llm_pipeline" if single else "continuous_batching"

    @property
    def one_at_a_time(self) -> bool:
        """Whether an instance answers one request at a time."""
        return self.pipeline in ("llm_pipeline", "vision_pipeline")

    @property
    def max_num_batched_tokens(self) -> int | None:
        """How much of a prompt a step works on: as configured, else as tuning found; None is the library's own."""
        configured = self.assignment.max_num_batched_tokens
        if configured is None and self.tuned and self.assignment.pipeline == "auto":
            return self.tuned.max_num_batched_tokens
        return configured

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
    def guessing_tokens(self) -> int:
        """What the KV cache holds beside the leases: guessed tokens lie there until they are checked, a block of it for
        each request."""
        batching = self.pipeline == "continuous_batching"
        guesses = batching and (self.assignment.prompt_lookup or self.draft)
        return _GUESSING_TOKENS * self.requests_per_instance if guesses else 0

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


@dataclass(frozen=True)
class InstancePlan:
    """The size of an instance before it is started; bytes of a draft's are in both."""

    kv_cache_tokens: int
    weight_bytes: int
    kv_cache_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weight_bytes + self.kv_cache_bytes + PROCESS_BYTES


def plan_instance(model: ServedModel, memory_bytes: int) -> InstancePlan:
    """How large an instance of `model` will be on a device with `memory_bytes` in all.

    The KV cache holds a full context for each concurrent request, but takes no more than `instance_memory_gb`, or
    where that is not set a quarter of the memory and what the weights leave of it. The one estimate there is: pages
    and gateway show it too, until an instance has been measured.
    """
    assignment = model.assignment
    weights = assignment.estimated_memory_gb * GB if assignment.estimated_memory_gb else _loaded_weights(model)
    if model.task != GENERATION:
        return InstancePlan(0, int(weights), 0)
    shape, form = model.facts.kv or _UNKNOWN_SHAPE, model.kv_format
    wanted = model.context_tokens * (1 if model.scoring else model.requests_per_instance)
    share = min(memory_bytes * _KV_CACHE_SHARE, max(0, memory_bytes - weights - PROCESS_BYTES))
    allowed = assignment.instance_memory_gb * GB if assignment.instance_memory_gb else share
    room = kv_cache_tokens(shape, int(allowed), form) - model.guessing_tokens
    tokens = max(MIN_KV_TOKENS, min(wanted, room))
    cache = kv_cache_bytes(shape, tokens + model.guessing_tokens, form)
    if model.drafting and model.draft:
        # The model with its draft is loaded beside the model alone.
        weights += _loaded_weights(model) + _loaded_weights(replace(model, facts=model.draft.facts))
        drafted = min(tokens + model.guessing_tokens, model.drafted_tokens)
        cache += kv_cache_bytes(shape, drafted, form)
        cache += kv_cache_bytes(model.draft.facts.kv or _UNKNOWN_SHAPE, drafted, form)
    return InstancePlan(0 if model.scoring else tokens, int(weights), cache)


def without_cache(model: ServedModel, plan: InstancePlan, measured: int) -> int:
    """What of the `measured` bytes of a fresh instance is not its KV cache. A GPU's buffers are there whole once a
    kernel has used them, as the warm-up does; the CPU's come page by page with the tokens. Weights stay, whatever a
    reading says."""
    made_whole = model.device.used.startswith("GPU") and model.pipeline in ("continuous_batching", "vision_batching")
    return max(measured - plan.kv_cache_bytes, min(measured, model.facts.size_bytes)) if made_whole else measured


def settings_for_more_cache(model: ServedModel, plan: InstancePlan) -> tuple[str, ...]:
    """Which of a model's settings make its KV cache hold more tokens."""
    if plan.kv_cache_tokens >= model.context_tokens * model.requests_per_instance:
        return ("max_concurrent",)
    fewer_bits = model.kv_format.keys in ("f32", "f16") or model.kv_format.values in ("f32", "f16")
    return ("instance_memory_gb", "kv_cache_precision") if fewer_bits else ("instance_memory_gb",)


def _loaded_weights(model: ServedModel) -> int:
    """What the weight files become in memory: on the CPU their pages and a copy laid out anew, but of encoders. The
    NPU's pipeline on another device unpacks them to 32 bits, once for prompts and once for answers."""
    facts = model.facts
    if model.lays_out_anew and model.device.used.startswith("CPU"):
        return int(facts.size_bytes * _growth_on_cpu(facts))
    if model.on_npu and "NPUW_DEVICES" in model.assignment.extra_config and facts.parameters:
        return facts.parameters * _UNPACKED_BYTES
    return facts.size_bytes


def _growth_on_cpu(facts: ModelFacts) -> float:
    if facts.kind != "gguf":
        return _REPACKED_ON_CPU
    return _WHOLE_GGUF_ON_CPU if facts.quantization in ("F16", "F32") else _GGUF_ON_CPU


def estimated_bytes(
    facts: ModelFacts, device: str, memory_bytes: int, assignment: ModelAssignment | None = None
) -> int:
    """Bytes that an instance will take on the named OpenVINO device, whose models may take `memory_bytes`: as the
    model is assigned, else with the defaults."""
    assignment = assignment or ModelAssignment(id="model", path="model")
    model = ServedModel(
        assignment.id, assignment.id, Path(), facts, assignment, ResolvedDevice(device, device.upper(), device)
    )
    return plan_instance(model, memory_bytes).total_bytes


def load_message(model: ServedModel, plan: InstancePlan, cache_dir: Path | None) -> LoadModel:
    """What a worker is told to load. `cache_dir` is the device's; each model has its own folder in it."""
    guesses = model.assignment.prompt_lookup if model.pipeline == "continuous_batching" else None
    return LoadModel(
        directory=str(load_path(model.directory)),
        device=model.device.used,
        pipeline=model.pipeline,
        properties=_properties(model),
        cache_dir=str(cache_dir / model.directory.name) if cache_dir else None,
        kv_cache_tokens=plan.kv_cache_tokens + model.guessing_tokens,
        max_prompt_len=model.max_prompt_tokens or model.context_tokens,
        min_response_len=model.response_tokens,
        max_num_batched_tokens=model.max_num_batched_tokens,
        prompt_lookup=guesses,
        draft=_draft(model),
        pooling=model.pooling,
    )


def _draft(model: ServedModel) -> Draft | None:
    if model.draft is None or not model.drafting:
        return None
    return Draft(str(model.draft.directory), model.assignment.num_assistant_tokens, model.drafted_tokens)


def _properties(model: ServedModel) -> dict[str, Any]:
    configured = {k: v for k, v in model.configured.items() if model.on_npu or not _npu_only(k)}
    if model.task == GENERATION and model.device.used.startswith(("CPU", "GPU")):
        configured = {**model.kv_format.properties, **configured}
    return {**_CPU_DEFAULTS, **configured} if model.device.used.startswith("CPU") else configured


def _npu_only(name: str) -> bool:
    # The CPU and GPU plugins raise on these, and a fallback must not fail on its device's settings.
    return name.startswith("NPU") or name in {"MAX_PROMPT_LEN", "MIN_RESPONSE_LEN", "PREFILL_HINT", "GENERATE_HINT"}
