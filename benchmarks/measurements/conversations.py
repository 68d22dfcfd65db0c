"""What long prompts cost, and what the prefix cache saves: first tokens of prompts, second turns, shared beginnings."""

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.measurements.section import Comparison, Row, Section
from benchmarks.prompts import make_prompts
from benchmarks.sides import Both, Sides
from tests.support.messages import Answer, Job, Measured, Message, Prompt
from tests.support.percentiles import percentile

_ANSWER_TOKENS = 8
_PROMPT_TOKENS = (32, 512, 2000)
_HISTORY_TOKENS = 2000
_SHARED_TOKENS = 512
_SHARING_CLIENTS = 8
_HEALTH_PAUSE_SECONDS = 0.05
_TOKENS_PER_WORD = 1.9
"""Of the benchmark model's tokenizer on the words of benchmarks.prompts; what it really came to is reported."""


def prompts(sides: Sides, pairs: int) -> Section:
    """First tokens of prompts that no cache knows, one client; and how /health answers meanwhile."""
    comparisons: list[Comparison] = []
    for tokens in _PROMPT_TOKENS:
        words = _words(tokens)
        done = [_both(sides, make_prompts(2, words, seed=f"{tokens}/{n}"), n) for n in range(pairs + 1)][1:]
        real = _mean_prompt(done)
        comparisons.append(_first_tokens(f"prompt of {real} tokens", done, slice(None)))
    long = make_prompts(max(4, pairs), _words(max(_PROMPT_TOKENS)), seed="health")
    health = sides.serve(Job(long, 1, _ANSWER_TOKENS, health_pause=_HEALTH_PAUSE_SECONDS)).health
    rows = [Row("/health during the longest prompts, p95", [1e3 * percentile(health, 95)], "ms")]
    return Section("prompts", "First token of new prompts, one client", rows, comparisons)


def turns(sides: Sides, pairs: int) -> Section:
    """A long conversation goes on: only what is new has to be computed."""
    done: list[Both] = []
    for number in range(pairs + 1):
        [history, more] = make_prompts(2, _words(_HISTORY_TOKENS), seed=f"turns/{number}")
        first = [Message("user", history)]
        second = [*first, Message("assistant", "Understood."), Message("user", " ".join(more.split()[:12]))]
        done.append(_both(sides, [first, second], number))
    done = done[1:]
    cold, warm = (_first_tokens(what, done, slice(n, n + 1)) for n, what in enumerate(("first turn", "second turn")))
    saved = [after / before for after, before in zip(warm.served, cold.served, strict=True)]
    history_tokens = round(median(both.served.answers[0].prompt_tokens for both in done))
    return Section(
        "turns",
        f"First token of the second turn, after {history_tokens} tokens of history",
        [Row("second turn over first, served", saved, "")],
        [cold, warm],
    )


def shared_beginning(sides: Sides, pairs: int) -> Section:
    """Several clients whose conversations begin with the same system prompt."""
    done: list[Both] = []
    for number in range(pairs + 1):
        [system] = make_prompts(1, _words(_SHARED_TOKENS), seed=f"system/{number}")
        questions = make_prompts(_SHARING_CLIENTS, 12, seed=f"questions/{number}")
        conversations = [[Message("system", system), Message("user", question)] for question in questions]
        # The first alone, so that the others find its beginning in the cache.
        _both(sides, conversations[:1], number)
        done.append(_both(sides, conversations[1:], number, streams=_SHARING_CLIENTS - 1))
    done = done[1:]
    return Section(
        "shared",
        f"{_SHARING_CLIENTS} clients with the same system prompt of about {_SHARED_TOKENS} tokens",
        [],
        [
            _first_tokens("first token", done, slice(None)),
            Comparison("tokens per second", *_each(done, lambda side: side.tokens / side.seconds), "tok/s"),
        ],
    )


def _both(sides: Sides, prompts: Sequence[Prompt], number: int, *, streams: int = 1) -> Both:
    return sides.run(Job(prompts, streams, _ANSWER_TOKENS), served_first=number % 2 == 0)


def _first_tokens(what: str, done: Sequence[Both], which: slice) -> Comparison:
    def milliseconds(side: Measured) -> float:
        answers: list[Answer] = side.answers[which]
        return 1e3 * median(answer.times[0] for answer in answers)

    return Comparison(what, *_each(done, milliseconds), "ms")


def _each(done: Sequence[Both], value: Callable[[Measured], float]) -> tuple[list[float], list[float]]:
    return [value(both.bare) for both in done], [value(both.served) for both in done]


def _mean_prompt(done: Sequence[Both]) -> int:
    answers = [answer for both in done for answer in both.served.answers]
    return round(sum(answer.prompt_tokens for answer in answers) / len(answers))


def _words(tokens: int) -> int:
    return max(1, round(tokens / _TOKENS_PER_WORD))
