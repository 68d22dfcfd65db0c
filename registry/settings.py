"""Which hub is asked, and with which token."""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True)
class HubSettings:
    """endpoint: the hub or a mirror that speaks its protocol, without a slash at the end."""

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = field(default=None, repr=False)
