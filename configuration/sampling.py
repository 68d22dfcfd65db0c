"""How the tokens of an answer are chosen, and where it ends: one record from the wire down to the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

_Params = TypeVar("_Params", bound="SamplingParams")


class SamplingParams(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client, an alias or a model's assignment may set. None, or no `stop`, leaves it to whoever is asked next:
    request, alias, assignment, the model's own generation_config.json. `max_tokens` is cut to what the context
    leaves; temperature 0 is the likeliest token each time."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def given(self) -> dict[str, Any]:
        """Only what is set, by name."""
        values = {name: getattr(self, name) for name in PARAMETERS}
        return {name: value for name, value in values.items() if value is not None and value != ()}

    def over(self: _Params, defaults: SamplingParams) -> _Params:
        """With the values of `defaults` where this one leaves them open."""
        return msgspec.structs.replace(self, **{**defaults.given(), **self.given()})


PARAMETERS = SamplingParams.__struct_fields__
"""The names that `parameters` of an alias or an assignment may hold."""


def sampling_params(parameters: Mapping[str, Any]) -> SamplingParams:
    """From `parameters` of a configuration file; what it does not know it leaves out. Raises ValueError."""
    stop = parameters.get("stop")
    return msgspec.convert({**parameters, "stop": (stop,) if isinstance(stop, str) else stop or ()}, SamplingParams)
