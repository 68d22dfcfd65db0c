"""What a server is asked and how it goes: the requests that run now, and the most recent of those that have ended.

A middleware opens a record for each call of a model; the rooms below fill it in through the functions of this module,
which do nothing outside of a recorded request. Texts are kept only where the log was told to, and cut.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keys.access import Caller
from keys.gate import CALLER
from reports.requests import ActivityReport, Outcome, Request
from reports.token_rate import TokenPace, shown, total_rate
from web.errors import shortened
from web.request_id import current_client, current_request_id
from web.streaming import CLIENT_LEFT

KEPT_RECORDS = 500
MOST_IN_ONE_ANSWER = 200
LONGEST_TEXT = 4000
_LONGEST_AGENT = 80
_LONGEST_NAME = 200


class RequestProgress(Protocol):
    """The moments of one generation on the monotonic clock (seconds), None until they come, and its tokens so far, its
    seconds of sound, its steps on pictures; `pace` is how its tokens came."""

    created: float
    load_seconds: float
    started: float | None
    first_token: float | None
    finished: float | None
    prompt_tokens: int
    generated_tokens: int
    audio_seconds: float
    steps: int
    pace: TokenPace


@dataclass
class RequestRecord:
    """One request. `number` grows with each, also over restarts; `ended` orders those that are over."""

    number: int
    id: str
    time: float
    client: str
    agent: str
    path: str
    began: float
    keeps_texts: bool = False
    key: str | None = None
    model: str | None = None
    status: int = 0
    outcome: Outcome = "running"
    error: str | None = None
    ended: int | None = None
    seconds: float | None = None
    work: list[RequestProgress] = field(default_factory=list)
    prompt: str | None = None
    answer: str | None = None

    def report(self, now: float) -> Request:
        """`now` on the monotonic clock, for what is still running."""
        first = [each.first_token for each in self.work if each.first_token is not None]
        started = [each.started - each.created for each in self.work if each.started is not None]
        return Request(
            number=self.number,
            ended=self.ended,
            id=self.id,
            time=self.time,
            client=self.client,
            agent=self.agent,
            path=self.path,
            model=self.model,
            status=self.status,
            outcome=self.outcome,
            error=self.error,
            seconds=round(now - self.began if self.seconds is None else self.seconds, 3),
            prompt_tokens=sum(each.prompt_tokens for each in self.work),
            generated_tokens=sum(each.generated_tokens for each in self.work),
            audio_seconds=round(sum(each.audio_seconds for each in self.work), 2),
            steps=sum(each.steps for each in self.work),
            first_token_seconds=round(min(first) - self.began, 3) if first else None,
            tokens_per_second=shown(total_rate(self.work, now)),
            waited_seconds=round(max(started), 3) if started else None,
            load_seconds=round(max((each.load_seconds for each in self.work), default=0.0), 3),
            prompt=self.prompt,
            answer=self.answer,
            key=self.key,
        )


_current: ContextVar[RequestRecord | None] = ContextVar("activity", default=None)


def note_model(name: str) -> None:
    """Which model the current request asks for."""
    if record := _current.get():
        record.model = shortened(name, _LONGEST_NAME)


def note_client(name: str) -> None:
    """For whom the current request was passed on."""
    if record := _current.get():
        record.client = name


def note_key(key_id: str) -> None:
    """Under which key the current request was passed on."""
    if record := _current.get():
        record.key = key_id


def note_work(progress: RequestProgress) -> None:
    """One of the generations that the current request consists of."""
    if record := _current.get():
        record.work.append(progress)


def note_error(message: str) -> None:
    """Why the current request failed."""
    if record := _current.get():
        record.error = message


def note_prompt(text: str) -> None:
    record = _current.get()
    if record is not None and record.keeps_texts:
        record.prompt = text[:LONGEST_TEXT]


def note_answer(text: str) -> None:
    """A further piece of the answer."""
    record = _current.get()
    if record is not None and record.keeps_texts and text:
        known = record.answer or ""
        record.answer = known + text[: LONGEST_TEXT - len(known)]


@contextmanager
def observed() -> Iterator[None]:
    """How the generation inside ends is how the current request ends, whatever its HTTP status was."""
    record = _current.get()
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        if record:
            record.outcome = "cancelled"
        raise
    except Exception as error:
        if record:
            record.outcome, record.error = "failed", str(error)
        raise


class RequestLog:
    """A bounded memory of requests. `keeps_texts`: also of what was asked and answered."""

    def __init__(self, *, keeps_texts: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._keeps_texts = keeps_texts
        self._clock = clock
        self._running: dict[int, RequestRecord] = {}
        self._ended: deque[RequestRecord] = deque(maxlen=KEPT_RECORDS)
        # A restarted server goes on above the numbers of the one before.
        self._numbers = itertools.count(int(time.time() * 1000))

    def report(self, since: int = 0) -> ActivityReport:
        """What runs, and what has ended after the record whose `ended` is `since`, oldest first."""
        now = self._clock()
        news = [record for record in self._ended if (record.ended or 0) > since]
        return ActivityReport(
            cursor=(self._ended[-1].ended or 0) if self._ended else since,
            running=[record.report(now) for record in self._running.values()],
            ended=[record.report(now) for record in news[-MOST_IN_ONE_ANSWER:]],
        )

    @contextmanager
    def recording(self, *, agent: str, path: str) -> Iterator[RequestRecord]:
        record = RequestRecord(
            number=next(self._numbers),
            id=current_request_id() or "",
            time=round(time.time(), 3),
            client=current_client(),
            agent=agent[:_LONGEST_AGENT],
            path=path,
            began=self._clock(),
            keeps_texts=self._keeps_texts,
        )
        self._running[record.number] = record
        token = _current.set(record)
        try:
            with observed():
                yield record
        finally:
            _current.reset(token)
            self._end(record)

    def _end(self, record: RequestRecord) -> None:
        del self._running[record.number]
        record.seconds = self._clock() - record.began
        if record.outcome == "running":
            record.outcome = _outcome_of(record.status)
        record.ended = next(self._numbers)
        self._ended.append(record)


class RecordRequests:
    """ASGI middleware that records calls of models. `is_recorded` takes a request's path."""

    def __init__(self, app: ASGIApp, *, log: RequestLog, is_recorded: Callable[[str], bool]) -> None:
        self._app = app
        self._log = log
        self._is_recorded = is_recorded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not self._is_recorded(scope["path"]):
            await self._app(scope, receive, send)
            return
        agent = Headers(scope=scope).get("user-agent", "")
        caller: Caller | None = scope.get(CALLER)
        with self._log.recording(agent=agent, path=scope["path"]) as record:
            record.key = caller.key.id if caller and caller.key else None

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    record.status = message["status"]
                await send(message)

            await self._app(scope, receive, send_and_note)


def _outcome_of(status: int) -> Outcome:
    if status in (0, CLIENT_LEFT):
        return "cancelled"
    return "failed" if status >= 400 else "completed"
