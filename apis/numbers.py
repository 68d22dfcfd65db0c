"""Whole numbers as clients send them: languages with one kind of number write 3 as 3.0."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("it is at least 1, or -1 for as many as there is room for")
    return value


Whole = Annotated[int, BeforeValidator(_as_int)]
TopK = Annotated[Whole, Field(ge=-1)]
"""0 and -1 are all tokens, as vLLM, llama.cpp and Ollama have it."""
MaxTokens = Annotated[Whole, Field(ge=-1), AfterValidator(_not_zero)]
"""-1 is what the context has room for, as llama.cpp and LM Studio have it."""


def limit_of(max_tokens: int | None) -> int | None:
    """None where there is none but the context's."""
    return None if max_tokens == -1 else max_tokens


def top_k_of(top_k: int | None) -> int | None:
    """0 is all tokens, to the engine too."""
    return 0 if top_k == -1 else top_k
