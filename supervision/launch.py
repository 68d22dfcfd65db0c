"""How device servers and the gateway are started, and how patient their supervisor is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from configuration.device_config import DeviceSettings
from keys.access import INTERNAL_KEY_VARIABLE
from supervision.environment import child_environment
from supervision.python import python_command
from web.listening import reachable_address
from web.tls import TlsFiles, scheme_of


@dataclass(frozen=True)
class Launch:
    """How device servers are started: `program` is the command up to its options, run in `project_dir`.

    `internal_key`: with what the admin server calls them and they call it.
    """

    project_dir: Path
    data_dir: Path
    host: str = "127.0.0.1"
    log_level: str = "info"
    admin_port: int = 11437
    program: Sequence[str] = field(default_factory=lambda: python_command("-m", "server_app"))
    gateway_program: Sequence[str] = field(default_factory=lambda: python_command("-m", "gateway_app"))
    tls: TlsFiles | None = None
    internal_key: str | None = field(default=None, repr=False)

    def base_url(self, port: int, host: str | None = None) -> str:
        """Where this machine reaches the server of a port, bound to `host`, default: as the device servers are."""
        return f"{scheme_of(self.tls)}://{reachable_address(host or self.host)}:{port}"

    def credentials(self) -> dict[str, str]:
        """The headers of the suite's own calls to device servers."""
        return {"Authorization": f"Bearer {self.internal_key}"} if self.internal_key else {}

    def environment(self) -> dict[str, str]:
        return child_environment() | ({INTERNAL_KEY_VARIABLE: self.internal_key} if self.internal_key else {})

    def command(self, name: str, settings: DeviceSettings, config_path: Path, descriptors: Sequence[int]) -> list[str]:
        options = {
            "--device": name,
            "--config": config_path,
            "--data-dir": self.data_dir,
            "--host": self.host,
            "--port": settings.port,
            "--admin-port": self.admin_port,
            "--log-level": self.log_level,
        }
        return self._words(self.program, options, descriptors)

    def gateway_command(self, host: str, port: int, config_path: Path, descriptors: Sequence[int]) -> list[str]:
        options = {
            "--config": config_path,
            "--data-dir": self.data_dir,
            "--host": host,
            "--port": port,
            "--device-host": self.host,
            "--admin-port": self.admin_port,
            "--log-level": self.log_level,
        }
        return self._words(self.gateway_program, options, descriptors)

    def _words(self, program: Sequence[str], options: Mapping[str, object], descriptors: Sequence[int]) -> list[str]:
        if self.tls is not None:
            options = {**options, "--tls-cert": self.tls.certificate, "--tls-key": self.tls.key}
        words = [str(word) for pair in options.items() for word in pair]
        return [*program, *words, *(word for fd in descriptors for word in ("--fd", str(fd)))]


@dataclass(frozen=True)
class Timing:
    """All in seconds but `attempts`: how often in a row a server may die before it was ever healthy."""

    first_pause: float = 0.5
    longest_pause: float = 30
    pause_reset: float = 60
    attempts: int = 5
    poll: float = 0.3
    poll_while_starting: float = 0.1
    poll_timeout: float = 2
    silence_while_starting: float = 180
    silence_while_running: float = 60
    ask: float = 10
    insist: float = 3
    port_wait: float = 10
    """For the orphan of a killed predecessor, which ends by itself within seconds."""
