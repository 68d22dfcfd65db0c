"""How long a prompt may be, and what sets that limit."""

from dataclasses import dataclass

from pools.errors import PromptTooLong
from pools.instance_plan import InstancePlan
from pools.served_model import ServedModel


@dataclass(frozen=True)
class PromptLimit:
    """`longest` tokens are taken. `context` is the size that is told, the answer's tokens with it, except on an NPU,
    where prompts have a limit of their own; `reason` is a sentence for where it comes from, empty for the model
    itself."""

    longest: int
    context: int
    reason: str = ""

    def exceeded(self, tokens: int, *, param: str, counted: bool = True, what: str = "your prompt") -> PromptTooLong:
        """The error for a prompt of so many tokens; not `counted`: of at least so many."""
        notes = [] if counted else ["Only its beginning was counted."]
        notes += [self.reason] if self.reason else []
        return PromptTooLong(tokens, self.context, " ".join(notes), param=param, what=what)


def prompt_limit(model: ServedModel, plan: InstancePlan) -> PromptLimit:
    """That of one request to `model`, whose instances are as planned."""
    context = model.context_tokens
    if model.task != "generation":
        return PromptLimit(context, context)
    if model.max_prompt_tokens is not None:
        most = model.max_prompt_tokens
        return PromptLimit(most, most, f"So long a prompt may be on {model.device.used} (max_prompt_len).")
    if model.one_at_a_time or plan.kv_cache_tokens >= context:
        return PromptLimit(context - 1, context)
    held = plan.kv_cache_tokens
    return PromptLimit(
        held - 1,
        held,
        f"So many its KV cache holds on {model.device.used}, of the {context} that the model was made for "
        "(instance_memory_gb).",
    )
