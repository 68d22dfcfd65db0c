"""How a line of a log is written: for people, or as one JSON object for programs that collect them."""

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Literal

from web.request_id import RequestIdFilter

LogFormat = Literal["text", "json"]

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


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
    return JsonLines() if form == "json" else logging.Formatter(_TEXT)


def log_to_stderr(level: str, form: LogFormat = "text") -> None:
    """How a child of the admin server logs: its parent keeps the lines. May be called again with another form."""
    root = logging.getLogger()
    handler = next(iter(root.handlers), None) or logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    handler.filters = [RequestIdFilter(as_prefix=form == "text")]
    root.handlers = [handler]
    root.setLevel(level.upper())
