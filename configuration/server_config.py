"""`server_config.json`: what holds for the page and all devices alike. There need not be one."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from storage.files import write_atomically
from web.limits import RequestLimits
from web.listening import is_loopback

MB = 10**6
_MOST_MB = 1_000_000
SERVER_CONFIG_FILE = "server_config.json"
LAN_HOST = "0.0.0.0"
"""Every IPv4 address of this machine."""


class UnusableServerConfig(Exception):
    """The text is for a person: which file, which field, what is wrong."""


def _checked_origin(origin: str) -> str:
    scheme, separator, rest = origin.partition("://")
    if not separator or not scheme or not rest or "/" in rest or origin != origin.strip() or not origin.isprintable():
        raise ValueError("an origin looks like https://example.org:8080 or chrome-extension://*")
    return origin


def _checked_host(host: str) -> str:
    if not host or any(character in host for character in "/:@[] ") or not host.isprintable():
        raise ValueError("a host is a name like models.example.org, without port")
    return host


def _checked_size(megabytes: float) -> float:
    if megabytes > _MOST_MB:
        raise ValueError(f"no body has more than {_MOST_MB} MB")
    return megabytes


class ServerConfig(BaseModel):
    """MB are 10^6 bytes. Paths are relative to the data directory or absolute. `lan`: other devices of the network
    reach the server; `check_updates`: it may ask now and then whether there is a newer version of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    allowed_hosts: list[Annotated[str, AfterValidator(_checked_host)]] = Field(default_factory=list)
    allowed_origins: list[Annotated[str, AfterValidator(_checked_origin)]] = Field(default_factory=list)
    tls_cert: str | None = None
    tls_key: str | None = None
    max_body_mb: Annotated[float, Field(gt=0), AfterValidator(_checked_size)] = 32
    max_active_per_client: int = Field(default=1024, ge=1)
    max_requests_per_minute: int | None = Field(default=None, ge=1)
    log_format: Literal["text", "json"] = "text"
    lan: bool = False
    check_updates: bool = False

    def host(self, given: str | None) -> str:
        """The address to bind to. `given`: the one on the command line, which comes first."""
        return given or (LAN_HOST if self.lan else "127.0.0.1")

    def exposed(self, host: str) -> bool:
        """Whether others than this machine's users reach a server bound to `host`, be it by a proxy before it."""
        return not is_loopback(host) or bool(self.allowed_hosts)

    def limits(self) -> RequestLimits:
        return RequestLimits(int(self.max_body_mb * MB), self.max_active_per_client, self.max_requests_per_minute)

    def tls_paths(self, data_dir: Path) -> tuple[Path | None, Path | None]:
        """Certificate and key, absolute."""
        return (
            data_dir / self.tls_cert if self.tls_cert else None,
            data_dir / self.tls_key if self.tls_key else None,
        )


def read_server_config(data_dir: Path) -> ServerConfig:
    """The defaults where there is no file. Raises `UnusableServerConfig`."""
    path = data_dir / SERVER_CONFIG_FILE
    try:
        return ServerConfig.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ServerConfig()
    except OSError as error:
        raise UnusableServerConfig(f"{path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        place = f"{path}, field {field}" if field else str(path)
        raise UnusableServerConfig(f"{place}: {first['msg']}. Correct the file, or delete it.") from error


def change_server_config(data_dir: Path, **changes: object) -> ServerConfig:
    """Write some fields and leave the others as they are. Raises `UnusableServerConfig`, also rather than replace a
    file that cannot be used, and OSError."""
    path = data_dir / SERVER_CONFIG_FILE
    read_server_config(data_dir)
    document = json.loads(path.read_bytes()) if path.exists() else {}
    config = ServerConfig.model_validate({**document, **changes})
    write_atomically(path, json.dumps({**document, **changes}, ensure_ascii=False, indent=2).encode("utf-8") + b"\n")
    return config
