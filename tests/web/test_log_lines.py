import json
import logging

import pytest

from web.log_lines import LogFormat, formatter
from web.request_id import RequestIdFilter, _current


def line(form: LogFormat, message: str, *, failing: bool = False) -> str:
    record = logging.makeLogRecord({"name": "room", "levelname": "INFO", "msg": message, "created": 0.0})
    if failing:
        try:
            raise ValueError("錯誤")
        except ValueError as error:
            record.exc_info = (ValueError, error, error.__traceback__)
    token = _current.set("req_1")
    RequestIdFilter(as_prefix=form == "text").filter(record)
    _current.reset(token)
    return formatter(form).format(record)


def test_json_lines_are_objects_with_the_requests_id() -> None:
    parsed = json.loads(line("json", "two\nlines", failing=True))
    assert parsed["time"] == "1970-01-01T00:00:00.000+00:00"
    assert (parsed["level"], parsed["logger"], parsed["message"]) == ("INFO", "room", "two\nlines")
    assert parsed["request_id"] == "req_1"
    assert "錯誤" in parsed["exception"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_id_stands_there_once(form: LogFormat) -> None:
    assert line(form, "hello").count("req_1") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_message_forges_no_line(form: LogFormat) -> None:
    text = line(form, "POST /a\r\n2026-01-01 ERROR main: forged\x1b[2J")
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text


def test_a_traceback_keeps_its_lines() -> None:
    assert "ValueError: 錯誤" in line("text", "failed", failing=True).splitlines()[-1]
