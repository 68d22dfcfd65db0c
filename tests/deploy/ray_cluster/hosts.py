"""Hosts on one machine: each a network of its own on a common cable, and as much of a processor as it is left.

Namespaces without names: they are gone with the last process in them. Needs Linux and its superuser.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

NETWORK = "10.77.0"
_BRIDGE = "ovms0"
_PERIOD_MICROSECONDS = 20_000
_END_SECONDS = 10.0


class CpuShare:
    """A control group whose processes come before others where processors are short."""

    def __init__(self, name: str, *, root: Path = Path("/sys/fs/cgroup")) -> None:
        self._second = (root / "cgroup.controllers").exists()
        self.path = (root if self._second else root / "cpu") / f"ovms-{os.getpid()}-{name}"
        self.path.mkdir()
        self._seen = (0, 0)
        if self._second:
            self._write("cpu.weight", 10_000)
        else:
            self._write("cpu.shares", 100_000)

    @contextmanager
    def held_to(self, cores: float) -> Iterator[None]:
        """The group gets so much of a processor and no more."""
        self._limit(int(cores * _PERIOD_MICROSECONDS))
        try:
            yield
        finally:
            self._limit(None)

    def used_up(self) -> float:
        """In how much of the time since the last call, as a fraction, the group had nothing left of its share."""
        lines = (self.path / "cpu.stat").read_text(encoding="ascii").splitlines()
        figures = {name: int(value) for name, _, value in (line.partition(" ") for line in lines)}
        now = (figures["nr_periods"], figures["nr_throttled"])
        (periods, throttled), self._seen = self._seen, now
        return (now[1] - throttled) / max(1, now[0] - periods)

    def _limit(self, quota: int | None) -> None:
        """In microseconds of each period."""
        if self._second:
            self._write("cpu.max", f"{quota or 'max'} {_PERIOD_MICROSECONDS}")
        else:
            self._write("cpu.cfs_period_us", _PERIOD_MICROSECONDS)
            self._write("cpu.cfs_quota_us", quota or -1)

    def processes(self) -> list[int]:
        return [int(line) for line in (self.path / "cgroup.procs").read_text(encoding="ascii").split()]

    def take(self, pid: int) -> None:
        self._write("cgroup.procs", pid)

    def kill(self) -> None:
        """All at once, as when a machine loses its power."""
        deadline = time.monotonic() + _END_SECONDS
        while (pids := self.processes()) and time.monotonic() < deadline:
            for pid in pids:
                _kill(pid)
            time.sleep(0.05)

    def remove(self) -> None:
        self.kill()
        self.path.rmdir()

    def _write(self, name: str, value: object) -> None:
        (self.path / name).write_text(str(value), encoding="ascii")


class Host:
    """`number` is the last part of its address; what it sees at `own` is its own, and lies in `disk`. Started
    processes belong to it until it is killed."""

    def __init__(self, number: int, share: CpuShare, *, own: Path, disk: Path) -> None:
        self.address = f"{NETWORK}.{number}"
        self.share = share
        disk.mkdir(parents=True)
        keep = 'mount --bind "$0" "$1"; exec cat'  # ends with this process, whose pipe it reads
        command = ["unshare", "--net", "--mount", "sh", "-c", keep, str(disk), str(own)]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE)
        _until_apart(self._keeper.pid)
        cable = f"ovms{number}"
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(self._keeper.pid))
        _ip("link", "set", cable, "master", _BRIDGE, "up")
        for words in (f"addr add {self.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            self._check("ip", *words.split())

    def start(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        enter = ["sh", "-c", 'echo $$ > "$0"; exec "$@"', str(self.share.path / "cgroup.procs")]
        with log.open("ab") as stream:
            return subprocess.Popen(
                [*enter, *self._inside(), *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def close(self) -> None:
        self.share.remove()
        self._keeper.kill()
        self._keeper.wait()

    def _check(self, *command: str) -> None:
        subprocess.run([*self._inside(), *command], check=True)

    def _inside(self) -> list[str]:
        return ["nsenter", "--net", "--mount", "--target", str(self._keeper.pid)]


@contextmanager
def hosts(count: int, *, own: Path, disks: Path) -> Iterator[list[Host]]:
    """So many hosts; this process must be in a network of its own, to which the cable leads. `own` and `disks` as in
    `Host`, with a folder for each."""
    own.mkdir(parents=True)
    _ip("link", "set", "lo", "up")
    _ip("link", "add", _BRIDGE, "type", "bridge")
    _ip("addr", "add", f"{NETWORK}.254/24", "dev", _BRIDGE)
    _ip("link", "set", _BRIDGE, "up")
    with ExitStack() as stack:
        found: list[Host] = []
        for number in range(1, count + 1):
            host = Host(number, CpuShare(str(number)), own=own, disk=disks / str(number))
            stack.callback(host.close)
            found.append(host)
        yield found


@contextmanager
def preferred() -> Iterator[None]:
    """This process and those it starts come before others where processors are short."""
    share = CpuShare("preferred")
    share.take(os.getpid())
    try:
        yield
    finally:
        (share.path.parent / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
        share.path.rmdir()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _until_apart(pid: int) -> None:
    """Until the keeper runs its `cat`: then its namespaces and its mount are made."""
    while Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() != "cat":
        time.sleep(0.01)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
