"""What both of OpenAI's requests for text share: how it is chosen, where it ends, and how it is sent."""

from typing import Annotated

from pydantic import BaseModel, Field

from apis.bounds import Stops
from apis.numbers import MaxTokens, TopK, Whole, top_k_of
from apis.openai.answer_forms import GuidedRequest
from chat.conversation import GenerationOptions
from instances.protocol import GenerationParams
from web.errors import InvalidRequest

Penalty = Annotated[float, Field(ge=-2, le=2)]
Probability = Annotated[float, Field(ge=0, le=1)]


class StreamOptions(BaseModel):
    include_usage: bool = False


class GenerationRequest(GuidedRequest):
    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: MaxTokens | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: Probability | None = None
    top_k: TopK | None = None
    min_p: Probability | None = None
    repetition_penalty: float | None = Field(default=None, gt=0)
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Whole | None = None
    ignore_eos: bool | None = None
    stop: Stops | None = None
    logit_bias: dict[str, float] | None = None

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with the tokens it took."""
        return self.stream_options is not None and self.stream_options.include_usage

    def generation(self, choice: int, *, max_tokens: int | None, logprobs: bool) -> GenerationOptions:
        """Those of the `choice`-th answer: with one seed for all, all would be the same."""
        sampling = GenerationParams(
            max_tokens=max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=top_k_of(self.top_k),
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            seed=None if self.seed is None else self.seed + choice,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            logprobs=logprobs,
            ignore_eos=bool(self.ignore_eos),
        )
        return GenerationOptions(sampling, form=self.form())

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        if self.stream_options is not None and not self.stream:
            raise InvalidRequest("stream_options needs stream to be true.", param="stream_options")
        if self.logit_bias:
            raise InvalidRequest(
                "logit_bias is not supported: the engine cannot weigh single tokens.", param="logit_bias"
            )
