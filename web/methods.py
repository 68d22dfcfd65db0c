"""Which methods a path takes, for the Allow header of a 405: the framework names only those of the first route."""

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request


def allowed_methods(request: Request) -> str:
    """The value of the header."""
    path = request.scope["path"]
    return ", ".join(sorted({method for route in _flat(request.app.routes) for method in _methods(route, path)}))


def _flat(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)  # how recent versions keep included routers
        yield from contexts() if contexts else [route]


def _methods(route: Any, path: str) -> set[str]:
    methods = getattr(route, "methods", None) or set()
    return methods if methods and route.path_regex.match(path) else set()
