"""Whether a model is fit for a client."""

from __future__ import annotations

from clients.agent import Agent
from notices import Notice

_NPU_PROMPT = 1024
"""Tokens of a prompt that an NPU takes unless configured otherwise, see `pools.served_model`."""


def usable_context(device: str, context: int | None, prompt_limit: int | None) -> int | None:
    """Tokens on a device, by OpenVINO's name of it: an NPU takes prompts of a fixed length."""
    if not device.upper().startswith("NPU"):
        return context
    limit = prompt_limit or _NPU_PROMPT
    return min(limit, context) if context else limit


def unfit(
    agent: Agent, model: str, *, abilities: tuple[str, ...], context: int | None, level: str | None = None
) -> list[Notice]:
    """What speaks against it, none where nothing does. `context`: tokens on the device; `level`: how its memory
    suffices, as `admin.live.views.Fitness` has it."""
    if not abilities:  # its files are not here to tell
        return []
    if "chat" not in abilities:
        return [Notice("clients.no_chat", model=model, client=agent.title)]
    reasons = []
    if agent.tools and "tools" not in abilities:
        reasons.append(Notice("clients.no_tools", model=model, client=agent.title))
    if context is not None and context < agent.context:
        known = {"model": model, "client": agent.title, "has": context, "needs": agent.context}
        reasons.append(Notice("clients.short_context", **known))
    if level == "too_large":
        reasons.append(Notice("clients.too_large", model=model))
    return reasons
