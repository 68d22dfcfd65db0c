"""How device servers are started, and how patient their supervisor is."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devices.config import DeviceSettings


@dataclass(frozen=True)
class Launch:
    """How device servers are started: `program` is the command up to its options, run in `project_dir`."""

    project_dir: Path
    data_dir: Path
    host: str = "127.0.0.1"
    log_level: str = "info"
    admin_port: int = 11437
    program: Sequence[str] = field(default_factory=lambda: (sys.executable, "-m", "server_app"))

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
        words = [str(word) for pair in options.items() for word in pair]
        return [*self.program, *words, *(word for fd in descriptors for word in ("--fd", str(fd)))]


@dataclass(frozen=True)
class Timing:
    """All in seconds but `attempts`: how often in a row a server may die before it was ever healthy."""

    first_pause: float = 0.5
    longest_pause: float = 30
    pause_reset: float = 60
    attempts: int = 5
    poll: float = 0.45
    poll_while_starting: float = 0.1
    poll_timeout: float = 2
    silence_while_starting: float = 180
    silence_while_running: float = 60
    ask: float = 10
    insist: float = 3
    port_wait: float = 10
    """For the orphan of a killed predecessor, which ends by itself within seconds."""
