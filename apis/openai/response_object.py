"""The response object, with every field that the Open Responses specification asks for."""

from typing import Any

from apis.openai.response_schemas import ResponsesRequest, TextFormat
from chat.completion import Completion
from model_files.model_config import SamplingDefaults


def response_object(
    body: ResponsesRequest,
    completion: Completion,
    *,
    defaults: SamplingDefaults,
    head: dict[str, Any],
    output: list[dict[str, Any]],
) -> dict[str, Any]:
    """What does not depend on how far the answer is comes from the request; `head` is the rest: id, status, times."""
    model_defaults = completion.model.model_defaults.parameters
    done = head["status"] in ("completed", "incomplete")
    return {
        **head,
        "object": "response",
        "background": False,
        "frequency_penalty": _number(body.frequency_penalty, model_defaults.get("frequency_penalty"), 0.0),
        "incomplete_details": {"reason": "max_output_tokens"} if head["status"] == "incomplete" else None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": body.max_tool_calls,
        "metadata": body.metadata or {},
        "model": completion.model.public_id,
        "output": output,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "presence_penalty": _number(body.presence_penalty, model_defaults.get("presence_penalty"), 0.0),
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": body.reasoning.model_dump() if body.reasoning else {"effort": None, "summary": None},
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": body.store is not False,
        "temperature": _number(body.temperature, model_defaults.get("temperature"), defaults.temperature),
        "text": {"format": _format(body.format)},
        "tool_choice": body.tool_choice or "auto",
        "tools": [tool.shown() for tool in body.tools or ()],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": _number(body.top_p, model_defaults.get("top_p"), defaults.top_p),
        "truncation": body.truncation or "disabled",
        "usage": _usage(completion) if done else None,
        "user": body.user,
    }


def _format(asked: TextFormat) -> dict[str, Any]:
    if asked.type != "json_schema":
        return {"type": asked.type}
    return {**asked.model_dump(by_alias=True), "strict": asked.strict is True}


def _number(*values: float | None) -> float:
    """The first that is given."""
    return next(float(value) for value in values if value is not None)


def _usage(completion: Completion) -> dict[str, Any]:
    prompt, generated = completion.prompt_tokens, len(completion.generated_ids)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": completion.cached_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": generated,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + generated,
    }
