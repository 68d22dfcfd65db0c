"""Under which addresses other devices of the network reach this machine."""

from __future__ import annotations

import ipaddress
import socket

import psutil

_ANYWHERE = ("192.0.2.1", 9)
"""TEST-NET-1 (RFC 5737), which nobody has."""


def lan_addresses() -> list[str]:
    """IPv4 addresses of the interfaces that are up, the one of the default route first."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    found = {
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        if name in up
        for entry in entries
        if entry.family == socket.AF_INET and _of_a_network(entry.address)
    }
    first = _default_address()
    return sorted(found, key=lambda address: (address != first, ipaddress.ip_address(address)))


def _of_a_network(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def _default_address() -> str | None:
    """The address that packets to elsewhere would carry. To connect a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return None
        return probe.getsockname()[0]
