"""Which hub is asked, and with which token; kept in a file that only its owner can read."""

from __future__ import annotations

import json
import logging
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from notices import Notice
from registry.errors import InvalidModelName
from storage.files import BROKEN_FILE
from storage.json_store import JsonStore

DEFAULT_ENDPOINT = "https://huggingface.co"
HubKind = Literal["huggingface", "modelscope"]
logger = logging.getLogger(__name__)
SETTINGS_FILE = "hub_settings.json"
SLOWEST_MB, FASTEST_MB = 0.01, 10_000


@dataclass(frozen=True)
class HubSettings:
    """endpoint: the hub or a mirror that speaks its protocol, without a slash at the end. kind: which protocol.
    speed_limit_mb: of all downloads together, 10^6 bytes per second; None: no limit."""

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = field(default=None, repr=False)
    kind: HubKind = "huggingface"
    speed_limit_mb: float | None = None

    @property
    def bytes_per_second(self) -> float | None:
        return self.speed_limit_mb * 1e6 if self.speed_limit_mb else None


def kind_of(endpoint: str) -> HubKind:
    """ModelScope is known by its host name; everything else speaks Hugging Face's protocol."""
    host = urlsplit(endpoint).hostname or ""
    return "modelscope" if host.split(".")[-2:-1] == ["modelscope"] else "huggingface"


def default_settings() -> HubSettings:
    """What the environment says (HF_ENDPOINT); a token of Hugging Face's there is found by huggingface_hub itself."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or DEFAULT_ENDPOINT
    kind = kind_of(endpoint)
    token = os.environ.get("MODELSCOPE_API_TOKEN") if kind == "modelscope" else None
    return HubSettings(endpoint, token or None, kind)


def check_endpoint(endpoint: str) -> str:
    """An address as HubSettings holds it. Raises InvalidModelName."""
    endpoint = endpoint.strip().rstrip("/")
    parts = urlsplit(endpoint)
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or not endpoint.isprintable():
        raise InvalidModelName(Notice("notices.hub_address_form"))
    return endpoint


def check_token(token: str) -> str:
    """Raises InvalidModelName, without the token in the sentence."""
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token or len(token) > 500:
        raise InvalidModelName(Notice("notices.token_form"))
    return token


def check_limit(megabytes: float) -> float | None:
    """0 is no limit. Raises InvalidModelName."""
    if not math.isfinite(megabytes) or not (megabytes == 0 or SLOWEST_MB <= megabytes <= FASTEST_MB):
        raise InvalidModelName(Notice("notices.speed_limit_form", least=SLOWEST_MB, most=FASTEST_MB))
    return float(megabytes) or None


class SettingsFile:
    """A JSON file with the token in it: readable by its owner alone from the first byte on."""

    def __init__(self, path: Path) -> None:
        self._file = JsonStore(path, _decoded, _encoded, private=True)

    def load(self) -> HubSettings:
        """The stored settings, else the defaults."""
        try:
            return self._file.read()
        except FileNotFoundError:
            return default_settings()
        except (*BROKEN_FILE, InvalidModelName) as error:
            logger.warning("%s is not used: %s", self._file.path.name, type(error).__name__)
            return default_settings()

    def save(self, settings: HubSettings) -> None:
        """Raises OSError."""
        self._file.write(settings)


def _decoded(data: bytes) -> HubSettings:
    stored = json.loads(data)
    token = stored.get("token")
    endpoint = check_endpoint(str(stored["endpoint"]))
    limit = stored.get("speed_limit_mb")
    return HubSettings(
        endpoint, check_token(token) if token else None, kind_of(endpoint), check_limit(limit) if limit else None
    )


def _encoded(settings: HubSettings) -> bytes:
    document = {"endpoint": settings.endpoint, "token": settings.token, "speed_limit_mb": settings.speed_limit_mb}
    return json.dumps(document, ensure_ascii=False, indent=2).encode()
