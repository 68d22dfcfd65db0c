"""Whether the ports of the configuration are ours or free, and who holds those that are not."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping

import psutil

from doctor.findings import Finding
from web.listening import reachable_address

_CONNECT_SECONDS = 0.5


def examine_ports(ports: Mapping[str, int], ours: Collection[int], *, host: str = "127.0.0.1") -> list[Finding]:
    """ports: whose they are → number. ours: those on which our own servers are known to listen."""
    findings = []
    for name, port in ports.items():
        if port in ours or not _answers(host, port):
            continue
        owner = _owner(port)
        if owner is not None and _is_family(owner):
            continue
        values = {"port": port, "name": name, "program": _describe(owner)}
        findings.append(Finding("port_taken", "problem", "network", values, str(port), "advice", _command(port)))
    if ports and not findings:
        listed = ", ".join(f"{name} {port}" for name, port in ports.items())
        findings.append(Finding("ports_ok", "ok", "network", {"ports": listed}))
    return findings


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((reachable_address(host).strip("[]"), port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _owner(port: int) -> psutil.Process | None:
    """None where the system does not tell: another user's process, say."""
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address[1] == port and connection.pid:
                return psutil.Process(connection.pid)
    except (psutil.Error, OSError):
        return None
    return None


def _is_family(process: psutil.Process) -> bool:
    try:
        return process.pid == os.getpid() or any(parent.pid == os.getpid() for parent in process.parents())
    except psutil.Error:
        return False


def _describe(process: psutil.Process | None) -> str:
    if process is None:
        return "?"
    try:
        return f"{process.name()} (PID {process.pid})"
    except psutil.Error:
        return f"PID {process.pid}"


def _command(port: int) -> str:
    return f"netstat -ano | findstr :{port}" if os.name == "nt" else f"ss -ltnp sport = :{port}"
