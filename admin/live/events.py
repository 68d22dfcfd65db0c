"""The one event stream of a page: HTML fragments that have changed, each as a server-sent event named after it.

A new connection gets every fragment of its page once and then only changes, so a stream that was cut heals by
connecting again. Between changes a `tick` every second tells the page that the stream lives.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from admin.live.feed import LiveFeed
from admin.live.views import Snapshot
from admin.rendering import Audience, Renderer

TICK_SECONDS = 1.0

Context = Mapping[str, Any]


@dataclass(frozen=True)
class Fragment:
    """A named part of a page: the template that renders it and what that template is given."""

    name: str
    template: str
    context: Context


Fragments = Callable[[Snapshot], list[Fragment]]


class FragmentCache:
    """Renders a fragment again only when its context has changed: tabs that show the same share the work."""

    def __init__(self, renderer: Renderer, *, capacity: int = 512) -> None:
        self._renderer = renderer
        self._capacity = capacity
        self._rendered: dict[tuple[str, str, str], tuple[Context, str]] = {}

    def html(self, fragment: Fragment, audience: Audience) -> str:
        key = (fragment.name, audience.translator.tag, audience.host)
        known = self._rendered.get(key)
        if known is not None and known[0] == fragment.context:
            return known[1]
        html = self._renderer.fragment(fragment.template, audience, fragment.context)
        if len(self._rendered) >= self._capacity:
            self._rendered.clear()
        self._rendered[key] = (fragment.context, html)
        return html


class News(Protocol):
    """What a screen is told beside its fragments: an event called `name`, None when there is nothing new."""

    name: str

    def event(self, audience: Audience) -> str | None: ...


async def page_events(
    feed: LiveFeed, cache: FragmentCache, fragments: Fragments, audience: Audience, *, news: News | None = None
) -> AsyncIterator[str]:
    """Server-sent events, ready to be written, until the feed closes or the reader goes away."""
    sent: dict[str, str] = {}
    ticked = 0.0
    async for snapshot in feed.follow():
        for fragment in fragments(snapshot):
            html = cache.html(fragment, audience)
            if sent.get(fragment.name) != html:
                sent[fragment.name] = html
                yield encode(fragment.name, html)
        if time.monotonic() - ticked >= TICK_SECONDS * 0.9:
            ticked = time.monotonic()
            yield encode("tick", f"{time.time():.3f}")
        if news and (data := news.event(audience)):
            yield encode(news.name, data)


def encode(name: str, data: str) -> str:
    """One server-sent event; every line of `data` gets its own field, as the format asks."""
    lines = "\n".join(f"data: {line}" for line in data.splitlines())
    return f"event: {name}\n{lines or 'data:'}\n\n"
