"""One request has one rate: in the list of requests, in the APIs' answers, in the statistics that routing uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.request_log import RequestLog, note_work
from apis.ollama.durations import eval_duration
from apis.timing import timings_of
from chat.completion import Completion
from pools.statistics import Statistics, Timings
from reports.token_rate import shown, token_rate, total_rate

deliveries = st.lists(st.tuples(st.integers(1, 8), st.floats(0.001, 2.0)), min_size=1, max_size=50)


def answered(steps: list[tuple[int, float]], *, held_up: float = 0.0) -> Timings:
    """An answer whose tokens an instance made after these pauses, the device server reading all of them at the end of
    `held_up` seconds."""
    timings = Timings(0.0)
    timings.started = 0.5
    now = 0.5
    for tokens, pause in steps:
        now += pause
        timings.generated_tokens += tokens
        timings.pace.deliver(tokens, 1000 + now)
    timings.first_token = max(held_up, 0.5 + steps[0][1])
    timings.finished = max(held_up, now) + 0.001
    return timings


@given(deliveries, st.floats(0, 100))
def test_when_an_answer_is_read_does_not_change_its_rate(steps: list[tuple[int, float]], held_up: float) -> None:
    rate = token_rate(answered(steps), 0.0)
    late = token_rate(answered(steps, held_up=held_up), 0.0)
    assert rate is not None
    if len(steps) > 1:
        later = steps[1:]
        wanted = sum(tokens for tokens, _ in later) / sum(pause for _, pause in later)
        assert rate == pytest.approx(wanted, rel=1e-6)
        assert late == rate
    else:
        assert rate == pytest.approx(steps[0][0] / (steps[0][1] + 0.001), rel=1e-6)


@given(deliveries)
def test_every_place_tells_the_same(steps: list[tuple[int, float]]) -> None:
    timings = answered(steps)
    rate = shown(token_rate(timings, 0.0))
    log = RequestLog()
    with log.recording(agent="", path="/v1/x"):
        note_work(timings)
    assert log.report().ended[0].tokens_per_second == rate
    completion = Completion(None, [], timings, 3)  # type: ignore[arg-type]
    completion.generated_ids = [0] * timings.generated_tokens
    assert timings_of([completion])["predicted_per_second"] == rate
    tokens = timings.generated_tokens
    assert tokens / eval_duration(timings, tokens) * 1e9 == pytest.approx(token_rate(timings, 0.0), rel=1e-6)
    statistics = Statistics()
    statistics._add(timings)
    assert shown(statistics.mean_tokens_per_second) == rate


def test_a_burst_is_not_taken_for_speed() -> None:
    """A transcript comes whole: 300 tokens in one delivery, a blink before the end."""
    timings = Timings(0.0, started=1.0, first_token=7.0, finished=7.01, generated_tokens=300)
    assert shown(token_rate(timings, 0.0)) == 49.9


def test_an_answer_that_moves_to_another_instance_goes_on_at_its_pace() -> None:
    timings = Timings(0.0, started=0.0)
    for clock in (10.0, 5000.0):
        timings.pace.move()
        for step in range(11):
            timings.generated_tokens += 1
            timings.pace.deliver(1, clock + step * 0.1)
    assert token_rate(timings, 99.0) == pytest.approx(10.0)


def test_one_that_runs_has_a_rate_and_one_that_waits_has_none() -> None:
    assert token_rate(Timings(0.0), 5.0) is None
    running = Timings(0.0, started=1.0, generated_tokens=8)
    assert token_rate(running, 3.0) == 4.0


def test_answers_beside_each_other_share_their_time() -> None:
    pair = [answered([(1, 0.5)] * 10), answered([(1, 0.5)] * 10)]
    assert total_rate(pair, 0.0) == pytest.approx(20 / 5.001)
