"""Models and instances without a process, for faults and moments that a real one does not give on demand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.handle import Generation, Instance, InstanceLoadError
from instances.protocol import GenerationParams, InstanceReady, LoadModel, MultimodalPrompt, TokenOutput
from memory.budget import MemoryBudget
from memory.kv_cache import KvShape
from memory.readings import MemoryReading, PhysicalMemory
from model_files.facts import ModelFacts
from model_manager import ModelManager
from pools.instance_plan import plan_instance
from pools.served_model import ServedModel

MB = 10**6
MODEL_BYTES = 800 * MB
TOTAL = 10_000 * MB


def served_model(name: str, *, weight_bytes: int = MODEL_BYTES, **assignment: object) -> ServedModel:
    return ServedModel(
        id=name,
        public_id=f"gpu-{name}",
        directory=Path(name),
        facts=ModelFacts(
            kind="llm", has_tokenizer=True, size_bytes=weight_bytes, context_length=512, kv=KvShape(200, 200, 5)
        ),
        assignment=ModelAssignment.model_validate({"id": name, "path": name, **assignment}),
        device=ResolvedDevice("CPU", "CPU", "CPU"),
    )


def instance_bytes(model: ServedModel) -> int:
    return plan_instance(model, TOTAL).total_bytes


def budget_for(instances: float, model: ServedModel) -> MemoryBudget:
    """A budget with room for so many instances of `model`."""
    limit = int(instances * instance_bytes(model))
    return MemoryBudget(
        PhysicalMemory("system", lambda: MemoryReading(TOTAL, TOTAL), lambda pid: None), limit_bytes=limit
    )


class FakeInstance(Instance):
    """`generations` are the requests it works on; the test puts their outputs."""

    def __init__(self, spec: LoadModel, fails: Callable[[], str | None]) -> None:
        super().__init__(spec)
        self.generations: list[Generation] = []
        self.seen: list[tuple[list[int], GenerationParams]] = []
        self.loaded = False
        self._fails = fails

    async def load(self) -> InstanceReady:
        reason = self._fails()
        if reason is not None:
            raise InstanceLoadError(reason)
        self.loaded = True
        return InstanceReady(0.0, 0.0, 0)

    @property
    def busy(self) -> bool:
        return bool(self.generations)

    @contextmanager
    def generate(
        self, prompt_ids: list[int], sampling: GenerationParams, multimodal: MultimodalPrompt | None = None
    ) -> Iterator[Generation]:
        generation = _FakeGeneration(len(self.generations), self)
        self.generations.append(generation)
        self.seen.append((prompt_ids, sampling))
        if self.closed.is_set():
            generation.put(None)
        try:
            yield generation
        finally:
            self.generations.remove(generation)

    async def stop(self, *, grace: float = 2.0) -> None:
        self.crash()

    def kill(self) -> None:
        self.crash()

    def crash(self) -> None:
        self.closed.set()
        for generation in self.generations:
            generation.put(None)


class _FakeGeneration(Generation):
    def cancel(self) -> None:
        self.put(TokenOutput(self.id, [], finish="cancelled"))


class Factory:
    """Makes instances for a manager and remembers them. `failure` is the reason the next loads fail for."""

    def __init__(self) -> None:
        self.made: list[FakeInstance] = []
        self.failure: str | None = None

    def __call__(self, spec: LoadModel) -> Instance:
        instance = FakeInstance(spec, lambda: self.failure)
        self.made.append(instance)
        return instance

    @property
    def living(self) -> list[FakeInstance]:
        return [instance for instance in self.made if instance.loaded and not instance.closed.is_set()]


def make_manager(
    models: list[ServedModel], budget: MemoryBudget, factory: Factory, clock: Callable[[], float]
) -> ModelManager:
    return ModelManager(models, budget, make_instance=factory, clock=clock, max_queue=8, queue_seconds=60)
