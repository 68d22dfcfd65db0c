"""Which methods a path takes, for the Allow header of a 405: the framework names only those of the first route."""

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request


def allowed_methods(request: Request) -> str:
    """The value of the header. A route of just this path comes before those with a parameter in its place."""
    path = request.scope["path"]
    matching = [route for route in _flat(request.app.routes) if _takes(route, path)]
    exact = [route for route in matching if route.path == path]
    return ", ".join(sorted({method for route in exact or matching for method in route.methods}))


def _flat(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)  # how recent versions keep included routers
        yield from contexts() if contexts else [route]


def _takes(route: Any, path: str) -> bool:
    return bool(getattr(route, "methods", None)) and route.path_regex.match(path) is not None
