"""The load: clients of every kind, each asking one thing after the other and looking at what it gets."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from math import isclose

import httpx

from tests.reliability.soaking import calls
from tests.reliability.soaking.book import Book, CallFailed, Failure
from tests.reliability.soaking.dialects import DIALECTS
from tests.reliability.soaking.nonsense import HALVES, NONSENSE, PAGE_NONSENSE
from tests.reliability.soaking.stage import DEVICES, EMBEDDING_ID, QUESTIONS, RANDOM_ID, RERANKER_ID, TEXTS, Stage
from tests.support.launch import DEMO_ID

_WHOLE_TOKENS = 256
_EVENT_SECONDS = 20.0
"""A page's stream ticks every second; a machine with other work may be late."""
_SCREENS = ("overview", "models", "get", "activity", "settings")
_DEVICE_LISTS = ("/health", "/live", "/memory", "/v1/models", "/api/tags", "/api/ps", "/api/version", "/metrics")
_PAGES = ("/", "/models", "/get", "/activity", "/api/status", "/api/local_models", "/api/pull_jobs", "/metrics")
_TOLERANCE = 1e-3
"""Of vectors and scores: texts are computed in slices, and slices of different lengths round differently."""


class Visitor:
    """Does one thing after the other until it is cancelled. Everything is noted in the book."""

    def __init__(self, stage: Stage, book: Book, chance: random.Random) -> None:
        self._stage = stage
        self._book = book
        self._chance = chance
        self._http = calls.new_client()
        self._device = "gpu"
        self._name = ""
        self._bound_to_form = False

    async def visit(self) -> None:
        kinds: dict[Callable[[], Awaitable[None]], int] = {
            self._chat: 50,
            self._leave: 10,
            self._ramble: 5,
            self._form: 7,
            self._embed: 8,
            self._rerank: 4,
            self._look: 10,
            self._nonsense: 6,
        }
        async with self._http:
            while True:
                [kind] = self._chance.choices(list(kinds), list(kinds.values()))
                self._device, self._bound_to_form = self._chance.choice(DEVICES), False
                await self._noted(kind)

    async def _noted(self, call: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        try:
            await call()
        except CallFailed as error:
            device = None if self._name.startswith("page") else self._device
            failure = Failure(self._name, device, began, time.monotonic(), error, self._bound_to_form)
            self._book.failures.append(failure)
            self._book.answers[f"{self._name}: failed"] += 1
            await asyncio.sleep(0.2)
        else:
            self._book.answers[self._name] += 1

    @property
    def _url(self) -> str:
        return self._stage.url(self._device)

    def _model(self, model_id: str) -> str:
        return f"{self._device}-{model_id}" if self._chance.random() < 0.7 else model_id

    async def _chat(self) -> None:
        dialect, question = self._chance.choice(DIALECTS), self._chance.choice(QUESTIONS)
        tokens, stream = self._chance.choice((_WHOLE_TOKENS, _WHOLE_TOKENS, 12)), self._chance.random() < 0.65
        self._name = f"{dialect.name}{', streamed' if stream else ''}"
        said = await calls.say(
            self._http, self._url, dialect, self._model(DEMO_ID), question, tokens=tokens, stream=stream
        )
        expected = self._stage.expected.texts[self._device, question]
        if said.text != expected if said.whole else not expected.startswith(said.text):
            raise CallFailed("wrong", f"{question!r} was answered with {said.text!r} instead of {expected!r}")

    async def _leave(self) -> None:
        dialect, question = self._chance.choice(DIALECTS), self._chance.choice(QUESTIONS)
        self._name = "left in the middle"
        if self._chance.random() < 0.6:
            pieces = self._chance.randint(1, 8)
            await calls.leave(self._http, self._url, dialect, self._model(DEMO_ID), question, pieces)
        else:
            seconds = self._chance.uniform(0.01, 0.6)
            await calls.give_up(self._http, self._url, dialect, self._model(DEMO_ID), question, seconds)

    async def _ramble(self) -> None:
        """Long sampled answers of the model with random weights: they come to an end, that is all."""
        self._device, self._name = "gpu", "long sampled answer, streamed"
        dialect = self._chance.choice(DIALECTS)
        tokens = self._chance.randint(32, 200)
        await calls.say(self._http, self._url, dialect, self._model(RANDOM_ID), "go on", tokens=tokens, stream=True)

    async def _form(self) -> None:
        self._bound_to_form = True
        form = self._chance.choice(("tool", "schema"))
        self._name = "demanded tool call" if form == "tool" else "JSON schema"
        if form == "tool":
            stream = self._chance.random() < 0.5
            text = await calls.call_tool(self._http, self._url, self._model(DEMO_ID), stream)
        else:
            text = await calls.fill_form(self._http, self._url, self._model(DEMO_ID))
        if text != self._stage.expected.forms[self._device, form]:
            raise CallFailed("wrong", f"{text!r} instead of {self._stage.expected.forms[self._device, form]!r}")

    async def _embed(self) -> None:
        ollama = self._chance.random() < 0.5
        self._name = "embeddings"
        vectors = await calls.embed(self._http, self._url, self._model(EMBEDDING_ID), TEXTS, ollama=ollama)
        _check_numbers(vectors, self._stage.expected.vectors[self._device])

    async def _rerank(self) -> None:
        self._device, self._name = "gpu", "rerank"
        scores = await calls.rerank(self._http, self._url, self._model(RERANKER_ID), "lamp", TEXTS)
        _check_numbers(scores, self._stage.expected.scores["gpu"])

    async def _look(self) -> None:
        if self._chance.random() < 0.5:
            self._name = "listing"
            await calls.request(self._http, "GET", self._url + self._chance.choice(_DEVICE_LISTS))
        else:
            self._name = "page or its API"
            await calls.request(self._http, "GET", self._stage.suite.url + self._chance.choice(_PAGES))

    async def _nonsense(self) -> None:
        if self._chance.random() < 0.3:
            self._name = "half a request"
            await calls.half_a_request(self._url, self._chance.choice(HALVES))
        elif self._chance.random() < 0.7:
            method, path, body = self._chance.choice(NONSENSE)
            self._name = "nonsense"
            await calls.refused(self._http, method, self._url + path, content=body)
        else:
            self._name = "page: nonsense"
            method, path, body = self._chance.choice(PAGE_NONSENSE)
            await calls.refused(self._http, method, self._stage.suite.url + path, content=body)


def _check_numbers(found: list[float], expected: list[float]) -> None:
    if len(found) != len(expected) or not all(
        isclose(*pair, abs_tol=_TOLERANCE) for pair in zip(found, expected, strict=True)
    ):
        raise CallFailed("wrong", "these are not the numbers of an undisturbed answer")


async def watch_page(stage: Stage, book: Book, chance: random.Random) -> None:
    """A browser's tab: reads a screen's events for a while, then another screen's. It must never run dry."""
    async with httpx.AsyncClient(timeout=_EVENT_SECONDS, trust_env=False) as http:
        for screen in itertools.cycle(chance.sample(_SCREENS, len(_SCREENS))):
            began, until = time.monotonic(), time.monotonic() + chance.uniform(5, 60)
            url = f"{stage.suite.url}/api/events?screen={screen}"
            try:
                async with aclosing(calls.lines(http, "GET", url)) as read:
                    async for _ in read:
                        if time.monotonic() > until:
                            break
                    else:
                        raise CallFailed("cut", "the page's events ended")
                book.answers["page events, watched"] += 1
            except CallFailed as error:
                now = time.monotonic()
                name = f"page events of {screen}"
                book.failures.append(Failure(name, None, began, now, error, patience=_EVENT_SECONDS))
                await asyncio.sleep(1)
