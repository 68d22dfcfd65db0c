"""How a line of a log is written: for people, or as one JSON object for programs that collect them."""

import json
import logging
import re
import sys
from datetime import datetime, timezone
from typing import Literal

from web.request_id import RequestIdFilter

LogFormat = Literal["text", "json"]

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class TextLines(logging.Formatter):
    """One line for people. What a client sent stands in many a message: it begins no line of its own, and says nothing
    to a terminal. Only a traceback takes further lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(
            lambda match: match[0].encode("unicode_escape").decode("ascii"), super().formatMessage(record)
        )


class JsonLines(logging.Formatter):
    """`time` in UTC, `level`, `logger`, `message`; `request_id` and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", None)
        if request_id:
            line["request_id"] = request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def formatter(form: LogFormat) -> logging.Formatter:
    return JsonLines() if form == "json" else TextLines(_TEXT)


def log_to_stderr(level: str, form: LogFormat = "text") -> None:
    """How a child of the admin server logs: its parent keeps the lines. May be called again with another form."""
    root = logging.getLogger()
    handler = next(iter(root.handlers), None) or logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    handler.filters = [RequestIdFilter(as_prefix=form == "text")]
    root.handlers = [handler]
    root.setLevel(level.upper())
