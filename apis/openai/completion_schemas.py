"""What clients send to the older /v1/completions. Unknown fields are ignored, null means absent."""

from typing import Annotated

from pydantic import Field

from apis.bounds import MAX_CHOICES
from apis.numbers import Whole, limit_of
from apis.openai.generation_schemas import GenerationRequest
from apis.token_ids import TokenIds
from chat.conversation import GenerationOptions
from web.errors import InvalidRequest

_DEFAULT_MAX_TOKENS = 16  # as OpenAI documents it


class CompletionRequest(GenerationRequest):
    """POST /v1/completions. A prompt is text or token ids; a list of prompts is answered in one response."""

    prompt: (
        str | Annotated[list[str], Field(fail_fast=True)] | TokenIds | Annotated[list[TokenIds], Field(fail_fast=True)]
    )
    max_tokens: Whole | None = Field(default=None, ge=-1)
    suffix: str | None = None
    n: Whole | None = Field(default=None, ge=1, le=128)
    best_of: Whole | None = Field(default=None, ge=1)
    echo: bool | None = None
    logprobs: Whole | None = Field(default=None, ge=0, le=20)

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
        """Those of the `choice`-th of the answers to one prompt. Raises `InvalidRequest`."""
        most = self.max_tokens or _DEFAULT_MAX_TOKENS  # with 0 nothing is generated, whatever stands here
        logprobs = self.logprobs is not None and self.max_tokens != 0
        return self.generation(choice, max_tokens=limit_of(most), logprobs=logprobs)

    def refuse_unsupported(self) -> None:
        super().refuse_unsupported()
        refused = {
            "suffix": (bool(self.suffix), "The models here continue a text; they cannot fill in before a suffix."),
            "prompt": (
                len(self.prompts()) * (self.n or 1) > MAX_CHOICES,
                f"A response has {MAX_CHOICES} choices at most, n for each prompt.",
            ),
            "best_of": ((self.best_of or 1) > (self.n or 1), "best_of greater than n is not supported; use n."),
        }
        for field, (asked, sentence) in refused.items():
            if asked:
                raise InvalidRequest(sentence, param=field)
