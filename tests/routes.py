"""Every route of an app, also those its OpenAPI document leaves out."""

import re
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette


def routes_of(app: Starlette) -> list[tuple[str, str]]:
    """Each method and path, with something plausible in place of the path's parameters."""
    found = {(method, _filled(route.path)) for route in _flat(app.routes) for method in _methods(route)}
    assert len(found) > 20
    return sorted(found)


def patterns_of(app: Starlette) -> set[tuple[str, str]]:
    """Each method and path as it was written, HEAD left out where there is GET."""
    found = {(method, route.path) for route in _flat(app.routes) for method in _methods(route)}
    return {(method, path) for method, path in found if method != "HEAD" or ("GET", path) not in found}


def _flat(routes: Any) -> Iterator[Any]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)  # how recent versions keep included routers
        yield from contexts() if contexts else [route]


def _methods(route: Any) -> set[str]:
    return getattr(route, "methods", None) or {"GET"}


def _filled(path: str) -> str:
    return re.sub(r"\{count\}", "1", re.sub(r"\{(?!count)[^}]*\}", "x", path))
