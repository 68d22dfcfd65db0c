"""What comes over a page's event stream beside its fragments: lines of a log, requests that have ended."""

from __future__ import annotations

import json

from admin.live.events import Fragment, FragmentCache
from admin.live.request_rows import since
from admin.rendering import Audience
from supervision.logs import DeviceLog
from supervision.suite import Suite

SHOWN_AT_MOST = 200


class LogNews:
    """The lines of a log since the last look: the first time those kept, with a mark to start from nothing."""

    name = "log"

    def __init__(self, log: DeviceLog) -> None:
        self._log = log
        self._seen: int | None = None

    def event(self, audience: Audience) -> str | None:
        first = self._seen is None
        lines = self._log.after(-1 if self._seen is None else self._seen)
        self._seen = lines[-1].number if lines else self._seen or -1
        if not lines and not first:
            return None
        return json.dumps({"fresh": first, "lines": [line.text for line in lines]}, ensure_ascii=False)


class ActivityNews:
    """What has ended since the last look, as rows to put on top; the first time the most recent ones, to begin with."""

    name = "activity"

    def __init__(self, suite: Suite, cache: FragmentCache) -> None:
        self._suite = suite
        self._cache = cache
        self._cursors: dict[str, int] | None = None

    def event(self, audience: Audience) -> str | None:
        fresh = self._cursors is None
        rows = since(self._suite, self._cursors or {})[:SHOWN_AT_MOST]
        self._cursors = {status.name: self._suite.activity(status.name).cursor for status in self._suite.statuses()}
        if not rows and not fresh:
            return None
        fragment = Fragment("activity", "fragments/activity_rows.html", {"rows": tuple(rows)})
        return json.dumps({"fresh": fresh, "html": self._cache.html(fragment, audience)}, ensure_ascii=False)
