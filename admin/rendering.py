"""Jinja templates to HTML: full pages, and the fragments that live updates replace."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from administration.errors import describe_config
from i18n import formats
from i18n.catalogues import Catalogues, Translator

THEME_COOKIE = "theme"
THEMES = ("auto", "light", "dark")
VIEW_COOKIE = "view"
VIEWS = ("simple", "advanced")
# Under "no-referrer" a browser sends a form of our own with the origin "null", which the guard must refuse.
PAGE_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


@dataclass(frozen=True)
class Audience:
    """For whom a fragment is rendered: the language, and the host name under which the reader reaches this machine."""

    translator: Translator
    host: str

    @classmethod
    def of(cls, request: Request, catalogues: Catalogues) -> Audience:
        return cls(catalogues.negotiate(request), request.url.hostname or "127.0.0.1")


class Renderer:
    def __init__(self, templates: Path, static: Path, catalogues: Catalogues, *, version: str) -> None:
        self._catalogues = catalogues
        self._static_digests = {path.relative_to(static).as_posix(): _digest(path) for path in _files(static)}
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "size": formats.size,
            "count": formats.count,
            "tokens": formats.tokens,
            "speed": formats.speed,
            "moment": formats.moment,
            "clock": formats.clock,
            "second": formats.second,
            "seconds": formats.seconds,
            "plain": formats.plain,
            "digest": lambda text: hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:10],
        }
        self._environment.globals |= {"static": self._static_url, "version": version}

    def add_globals(self, **values: Any) -> None:
        self._environment.globals |= values

    def fragment(self, template: str, audience: Audience, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(_words(audience), **context)

    def page(self, request: Request, template: str, context: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
        audience = Audience.of(request, self._catalogues)
        theme = request.cookies.get(THEME_COOKIE, "auto")
        view = request.cookies.get(VIEW_COOKIE, "simple")
        html = self._environment.get_template(template).render(
            _words(audience),
            languages=self._catalogues.languages,
            theme=theme if theme in THEMES else "auto",
            themes=THEMES,
            view=view if view in VIEWS else "simple",
            views=VIEWS,
            path=request.url.path,
            **context,
        )
        return HTMLResponse(html, status_code=status, headers=PAGE_HEADERS)

    def _static_url(self, path: str) -> str:
        """The digest makes a changed file a new address, so browsers can cache a file without limit."""
        return f"/static/{path}?v={self._static_digests[path]}"


def _words(audience: Audience) -> dict[str, Any]:
    t = audience.translator
    return {
        "t": t,
        "language": t.tag,
        "host": audience.host,
        "say": t.say,
        "describe_config": partial(describe_config, t),
        "sentences": partial(formats.sentences, t=t),
        "duration": partial(formats.duration, t=t),
    }


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
