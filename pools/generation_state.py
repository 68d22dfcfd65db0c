"""One request over all the instances that work on it."""

import msgspec

from instances.protocol import GenerationParams, Grammar, MultimodalPrompt, TokenOutput

_EXPECTED_ANSWER_TOKENS = 512


class GenerationState:
    """A prompt, and what has been generated so far. When an instance is lost or taken away, another goes on from
    here as if what has been generated were part of the prompt."""

    def __init__(
        self, prompt_ids: list[int], sampling: GenerationParams, multimodal: MultimodalPrompt | None = None
    ) -> None:
        self.multimodal = multimodal
        self.generated: list[int] = []
        self.finished = False
        self.losses = 0
        self.losses_without_progress = 0
        self._prompt_ids = prompt_ids
        self._sampling = sampling
        self._at_begin_of_attempt = 0

    @property
    def tokens(self) -> int:
        """Prompt and answer so far: what the KV cache holds of this request."""
        return len(self._prompt_ids) + len(self.generated)

    @property
    def tokens_to_begin(self) -> int:
        """The KV cache to begin with: enough for a usual answer; a longer one asks for more on its way. One that could
        not go on elsewhere gets all it may need."""
        answer = self.sampling.token_limit
        return self.tokens + (answer if self.bound_to_grammar else min(answer, _EXPECTED_ANSWER_TOKENS))

    @property
    def bound_to_grammar(self) -> bool:
        """A grammar begins anew with each generation, so an answer under one cannot be continued, unless the grammar
        itself says otherwise."""
        structure = self._sampling.structure
        return structure is not None and not (isinstance(structure, Grammar) and structure.resumable)

    @property
    def prompt_ids(self) -> list[int]:
        return self._prompt_ids + self.generated

    @property
    def sampling(self) -> GenerationParams:
        """As asked for, less the tokens that are there already."""
        left = self._sampling.token_limit - len(self.generated)
        return msgspec.structs.replace(self._sampling, max_tokens=left)

    @property
    def complete(self) -> bool:
        """Whether all tokens are there although no instance lived to say so."""
        return len(self.generated) >= self._sampling.token_limit

    def begin_attempt(self) -> None:
        self._at_begin_of_attempt = len(self.generated)

    def add(self, output: TokenOutput) -> TokenOutput:
        """Take in what one instance says; as it reads for the whole request."""
        self.generated += output.tokens
        self.finished = output.finish is not None
        told = (output.cached_tokens, output.prompt_tokens, output.evicted_tokens)
        if self.losses == 0 or all(each is None for each in told):
            return output
        # This instance's prompt ends with what another has generated.
        prompt = None if output.prompt_tokens is None else output.prompt_tokens - self._at_begin_of_attempt
        return msgspec.structs.replace(output, cached_tokens=None, evicted_tokens=None, prompt_tokens=prompt)

    def lose(self) -> None:
        """The attempt ended with its instance."""
        self.losses += 1
        progressed = len(self.generated) > self._at_begin_of_attempt
        self.losses_without_progress = 0 if progressed else self.losses_without_progress + 1
