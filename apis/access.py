"""Which keys each route of a device server takes."""

import re

from keys.key import KeyScope

PUBLIC = frozenset({"/health"})
"""What everybody who reaches the port may ask."""

_MANAGEMENT = re.compile(
    r"/api/(pull|push|create|copy|delete|blobs/.*)|/model/(preload/.*|cleanup)|/activity|/live", re.DOTALL
)


def needed_scope(method: str, path: str) -> KeyScope | None:
    """What changes the models or their instances, and what tells of others' requests, takes the scope admin; all else
    inference."""
    if path in PUBLIC:
        return None
    return "admin" if _MANAGEMENT.fullmatch(path) else "inference"
