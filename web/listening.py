"""Listening sockets: which addresses a host name stands for, and clear words where a port cannot be had."""

import contextlib
import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator

from notices import Notice

BACKLOG = 2048

_PROBE_TIMEOUT_SECONDS = 0.25
_EPHEMERAL_ATTEMPTS = 20
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


class CannotListen(Exception):
    """The text says which address and why; what to do about it depends on who asked for the port."""

    def __init__(self, message: str, *, taken: bool = False) -> None:
        super().__init__(message)
        self.taken = taken


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without a port, can only mean this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def listening_addresses(host: str) -> tuple[str, ...]:
    """`localhost` and `127.0.0.1` stand for both loopback addresses: where a client resolves `localhost` to ::1 first,
    a server on 127.0.0.1 alone costs it two seconds a request on Windows. So does one on 0.0.0.0."""
    if host in ("localhost", "127.0.0.1"):
        return ("127.0.0.1", "::1")
    return (host, "::1") if host == "0.0.0.0" else (host,)


def reachable_address(host: str) -> str:
    """An address at which this machine reaches a server bound to `host`, ready for a URL."""
    if host in ("0.0.0.0", "", "localhost"):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Bind and listen on every address of `host` that this machine has; port 0 picks one free on all of them.

    Raises `CannotListen`. Blocks up to a quarter of a second an address.
    """
    if port != 0:
        return _listen_on_all(host, port)
    for _ in range(_EPHEMERAL_ATTEMPTS):
        with contextlib.closing(_bound_socket(listening_addresses(host)[0], 0)) as probe:
            free = probe.getsockname()[1]
        with contextlib.suppress(CannotListen):
            return _listen_on_all(host, free)
    raise CannotListen(Notice("notices.no_free_port", host=host))


def close_all(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def _listen_on_all(host: str, port: int) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    with contextlib.ExitStack() as opened:
        for address in listening_addresses(host):
            if _answers(address, port):
                raise _taken(address, port)
            try:
                listener = opened.enter_context(_bound_socket(address, port))
                listener.listen(BACKLOG)
            except OSError as error:
                if listeners and error.errno in _NO_SUCH_FAMILY:
                    continue
                raise _explain(error, address, port) from error
            listener.setblocking(False)
            listeners.append(listener)
        opened.pop_all()
    return listeners


def _bound_socket(address: str, port: int) -> socket.socket:
    family, kind, protocol, _, target = next(_resolve(address, port))
    listener = socket.socket(family, kind, protocol)
    try:
        # On Windows two programs share a port that the first has not claimed for itself.
        option = socket.SO_EXCLUSIVEADDRUSE if sys.platform == "win32" else socket.SO_REUSEADDR
        listener.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(target)
    except BaseException:
        listener.close()
        raise
    return listener


def _resolve(address: str, port: int) -> Iterator[tuple[int, int, int, str, tuple]]:
    try:
        yield from socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotListen(Notice("notices.not_our_address", address=address, error=error.strerror)) from error


def _answers(address: str, port: int) -> bool:
    """On Windows two programs can bind overlapping addresses; only a connection shows whether the port is in use."""
    target = reachable_address(address).strip("[]")
    try:
        with socket.create_connection((target, port), timeout=_PROBE_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def _explain(error: OSError, address: str, port: int) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        return _taken(address, port)
    if error.errno in _NOT_ALLOWED:
        return CannotListen(Notice("notices.port_not_allowed", address=address, port=port))
    return CannotListen(Notice("notices.port_failed", address=address, port=port, error=error.strerror or error))


def _taken(address: str, port: int) -> CannotListen:
    return CannotListen(Notice("notices.port_taken", port=port, address=address), taken=True)
