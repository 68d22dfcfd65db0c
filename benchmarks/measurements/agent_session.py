"""An agent's session: a long system prompt with its tools, then turn after turn of calls and what they gave."""

from pathlib import Path
from statistics import median

from benchmarks.measurements.section import Comparison, Row, Section
from benchmarks.prompts import make_prompts
from benchmarks.sides import batching_sides
from chat.tokenizer import ChatTokenizer
from tests.support.messages import Job, Message, Prompt
from tests.support.percentiles import percentile

TURNS = 50
_SYSTEM_TOKENS = 4000  # what coding agents send before the question
_RESULT_TOKENS = 320  # a page of a file, the end of a log
_CALL_TOKENS = 20
_ANSWER_TOKENS = 8
_KV_CACHE_GB = 2.0


def agent_session(model: Path, runs: int, *, device: str) -> Section:
    """First token of every turn, served and bare, both with the prefix cache. Raises as `batching_sides`."""
    bare: list[list[float]] = []
    served: list[list[float]] = []
    longest = 0
    per_word = _tokens_per_word(model)
    with batching_sides(model, device=device, max_streams=1, kv_cache_gb=_KV_CACHE_GB) as sides:
        sides.run(Job(session("warm-up", per_word)[:2], 1, _ANSWER_TOKENS), served_first=False)
        for number in range(runs):
            both = sides.run(Job(session(str(number), per_word), 1, _ANSWER_TOKENS), served_first=number % 2 == 0)
            bare.append([1e3 * answer.times[0] for answer in both.bare.answers])
            served.append([1e3 * answer.times[0] for answer in both.served.answers])
            longest = max(answer.prompt_tokens for answer in both.served.answers)
    turns_bare, turns_served = ([median(turn) for turn in zip(*side, strict=True)] for side in (bare, served))
    ratios = [after / before for after, before in zip(turns_served, turns_bare, strict=True)]
    later = slice(1, None)
    return Section(
        "agent-session",
        f"First token in a session of {TURNS} turns that ends with {longest:,} tokens",
        [
            Row("every turn (median of the runs), served/bare", ratios, "×"),
            Row("the same, 95th percentile of the turns", [percentile(ratios, 95)], "×"),
        ],
        [
            Comparison("first turn", [run[0] for run in bare], [run[0] for run in served], "ms"),
            Comparison(
                "turns after it", [median(run[later]) for run in bare], [median(run[later]) for run in served], "ms"
            ),
            Comparison("last turn", [run[-1] for run in bare], [run[-1] for run in served], "ms"),
        ],
    )


def session(seed: str, tokens_per_word: float) -> list[Prompt]:
    """The prompts of all turns, each the one before and what came since."""

    def texts(count: int, tokens: int, what: str) -> list[str]:
        return make_prompts(count, round(tokens / tokens_per_word), seed=f"{what}/{seed}")

    [system] = texts(1, _SYSTEM_TOKENS, "agent")
    messages = [Message("system", system)]
    prompts: list[Prompt] = []
    for call, result in zip(texts(TURNS, _CALL_TOKENS, "calls"), texts(TURNS, _RESULT_TOKENS, "results"), strict=True):
        messages = [*messages, Message("user", result)]
        prompts.append(messages)
        messages = [*messages, Message("assistant", call)]
    return prompts


def _tokens_per_word(model: Path) -> float:
    [sample] = make_prompts(1, 1000, seed="words")
    return len(ChatTokenizer(model).encode(sample)) / 1000
