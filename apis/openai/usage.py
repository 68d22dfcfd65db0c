"""How many tokens an answer took, as OpenAI counts them."""

from collections.abc import Sequence
from typing import Any

from chat.completion import Completion


def usage_of(prompts: Sequence[Completion], answers: Sequence[Completion]) -> dict[str, Any]:
    """`prompts` has one completion for each different prompt. What was cached is said where it is known of them all."""
    prompt = sum(completion.prompt_tokens for completion in prompts)
    generated = sum(len(completion.generated_ids) for completion in answers)
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
    }
    cached = [completion.cached_tokens for completion in prompts if completion.cached_tokens is not None]
    if len(cached) == len(prompts):
        usage["prompt_tokens_details"] = {"cached_tokens": sum(cached)}
    return usage
