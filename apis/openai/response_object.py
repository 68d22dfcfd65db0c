"""The response object, with every field that the Open Responses specification asks for."""

from typing import Any

from apis.openai.response_schemas import ResponsesRequest, TextFormat
from chat.completion import Completion
from configuration.sampling import SamplingParams


def response_object(
    body: ResponsesRequest,
    completion: Completion,
    *,
    defaults: SamplingParams,
    head: dict[str, Any],
    output: list[dict[str, Any]],
) -> dict[str, Any]:
    """What does not depend on how far the answer is comes from the request; `head` is the rest: id, status, times."""
    sampling = body.options().sampling.over(completion.model.model_defaults.sampling).over(defaults)
    done = head["status"] in ("completed", "incomplete")
    return {
        **head,
        "object": "response",
        "background": False,
        "frequency_penalty": sampling.frequency_penalty,
        "incomplete_details": {"reason": "max_output_tokens"} if head["status"] == "incomplete" else None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": body.max_tool_calls,
        "metadata": body.metadata or {},
        "model": completion.model.public_id,
        "output": output,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "presence_penalty": sampling.presence_penalty,
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": body.reasoning.model_dump() if body.reasoning else {"effort": None, "summary": None},
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": body.store is not False,
        "temperature": sampling.temperature,
        "text": {"format": _format(body.format)},
        "tool_choice": body.tool_choice or "auto",
        "tools": [tool.shown() for tool in body.tools or ()],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": sampling.top_p,
        "truncation": body.truncation or "disabled",
        "usage": _usage(completion) if done else None,
        "user": body.user,
    }


def _format(asked: TextFormat) -> dict[str, Any]:
    if asked.type != "json_schema":
        return {"type": asked.type}
    return {**asked.model_dump(by_alias=True), "strict": asked.strict is True}


def _usage(completion: Completion) -> dict[str, Any]:
    prompt, generated = completion.prompt_tokens, len(completion.generated_ids)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": completion.cached_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": generated,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + generated,
    }
