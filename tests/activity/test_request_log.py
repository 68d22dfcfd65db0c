import asyncio

import pytest

from activity.request_log import KEPT_RECORDS, LONGEST_TEXT, RequestLog, note_answer, note_prompt, observed


def test_texts_are_cut() -> None:
    log = RequestLog(keeps_texts=True)
    with log.recording(agent="", path="/v1/x"):
        note_prompt("p" * (LONGEST_TEXT + 1))
        for _ in range(LONGEST_TEXT):
            note_answer("ab")
    (entry,) = log.report().ended
    assert len(entry.prompt or "") == len(entry.answer or "") == LONGEST_TEXT


def test_no_more_than_so_many_are_kept_and_told_at_once() -> None:
    log = RequestLog()
    for _ in range(KEPT_RECORDS + 10):
        with log.recording(agent="", path="/v1/x") as record:
            record.status = 200
    report = log.report()
    assert len(report.ended) == 200
    assert report.cursor == report.ended[-1].ended
    assert log.report(report.cursor).ended == []


def test_an_end_inside_the_stream_counts_more_than_the_status() -> None:
    log = RequestLog()

    def end_with(error: BaseException) -> None:
        with log.recording(agent="", path="/v1/x") as record:
            record.status = 200
            with pytest.raises(type(error)), observed():
                raise error

    end_with(asyncio.CancelledError())
    end_with(RuntimeError("the instance is lost"))
    cancelled, failed = log.report().ended
    assert cancelled.outcome == "cancelled"
    assert (failed.outcome, failed.error) == ("failed", "the instance is lost")


def test_a_later_server_numbers_on_above() -> None:
    first = RequestLog()
    with first.recording(agent="", path="/v1/x"):
        pass
    cursor = first.report().cursor
    second = RequestLog()
    for _ in range(5):
        with second.recording(agent="", path="/v1/x"):
            pass
    assert max(entry.ended or 0 for entry in second.report().ended) > cursor
