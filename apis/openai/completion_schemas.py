"""What clients send to the older /v1/completions. Unknown fields are ignored, null means absent."""

from typing import Annotated

from pydantic import Field

from apis.bounds import MAX_CHOICES, Stops
from apis.openai.answer_forms import GuidedRequest
from apis.openai.schemas import Penalty, Probability, StreamOptions
from apis.token_ids import TokenIds
from chat.conversation import GenerationOptions
from web.errors import InvalidRequest

_DEFAULT_MAX_TOKENS = 16  # as OpenAI documents it


class CompletionRequest(GuidedRequest):
    """POST /v1/completions. A prompt is text or token ids; a list of prompts is answered in one response."""

    model: str
    prompt: (
        str | Annotated[list[str], Field(fail_fast=True)] | TokenIds | Annotated[list[TokenIds], Field(fail_fast=True)]
    )
    suffix: str | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: Probability | None = None
    top_k: int | None = Field(default=None, ge=0)
    min_p: Probability | None = None
    repetition_penalty: float | None = Field(default=None, gt=0)
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = None
    stop: Stops | None = None
    n: int | None = Field(default=None, ge=1, le=128)
    best_of: int | None = Field(default=None, ge=1)
    echo: bool | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)
    logit_bias: dict[str, float] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    def prompts(self) -> list[str | list[int]]:
        """Each prompt by itself. Raises `InvalidRequest` when there is none."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if not self.prompt:
            raise InvalidRequest("The prompt is empty.", param="prompt")
        # The schema has made sure that the items are of one kind.
        if isinstance(self.prompt[0], int):
            return [[item for item in self.prompt if isinstance(item, int)]]
        return [item for item in self.prompt if not isinstance(item, int)]

    def options(self, choice: int) -> GenerationOptions:
        """For the `choice`-th of the answers to one prompt: with one seed for all, all would be the same."""
        return GenerationOptions(
            max_tokens=self.max_tokens or _DEFAULT_MAX_TOKENS,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            seed=None if self.seed is None else self.seed + choice,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            form=self.form(),
            logprobs=self.logprobs is not None,
        )

    def refuse_unsupported(self) -> None:
        """Raise `InvalidRequest` for what would otherwise be silently ignored."""
        refused = {
            "suffix": (bool(self.suffix), "The models here continue a text; they cannot fill in before a suffix."),
            "prompt": (
                len(self.prompts()) * (self.n or 1) > MAX_CHOICES,
                f"A response has {MAX_CHOICES} choices at most, n for each prompt.",
            ),
            "best_of": ((self.best_of or 1) > (self.n or 1), "best_of greater than n is not supported; use n."),
            "logit_bias": (bool(self.logit_bias), "logit_bias is not supported by the inference engine."),
        }
        for field, (asked, sentence) in refused.items():
            if asked:
                raise InvalidRequest(sentence, param=field)
