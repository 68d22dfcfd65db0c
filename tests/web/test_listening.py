import errno
import socket

import pytest

from web import listening
from web.listening import (
    CannotListen,
    close_all,
    is_loopback,
    listening_addresses,
    open_listeners,
    reachable_address,
)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("::1", True),
        ("[::1]", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST.", True),
    ]
    + [(host, False) for host in ("0.0.0.0", "::", "192.168.0.1", "box", "", "localhost.example")],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_loopback_stands_for_both_families() -> None:
    assert listening_addresses("localhost") == listening_addresses("127.0.0.1") == ("127.0.0.1", "::1")
    assert listening_addresses("0.0.0.0") == ("0.0.0.0", "::1")
    assert listening_addresses("192.168.0.1") == ("192.168.0.1",)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("localhost", "127.0.0.1"),
        ("fe80::1", "[fe80::1]"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_reachable_address(host: str, expected: str) -> None:
    assert reachable_address(host) == expected


def test_both_loopback_addresses_get_the_same_port_and_accept() -> None:
    listeners = open_listeners("127.0.0.1", 0)
    try:
        ports = {listener.getsockname()[1] for listener in listeners}
        assert len(ports) == 1
        families = {listener.family for listener in listeners}
        assert families == ({socket.AF_INET, socket.AF_INET6} if has_ipv6() else {socket.AF_INET})
        for listener in listeners:
            socket.create_connection(listener.getsockname()[:2], timeout=5).close()
    finally:
        close_all(listeners)


def test_a_taken_port_is_named() -> None:
    first = open_listeners("127.0.0.1", 0)
    port = first[0].getsockname()[1]
    try:
        with pytest.raises(CannotListen, match=f"Port {port} .* another program") as caught:
            open_listeners("127.0.0.1", port)
        assert caught.value.taken
    finally:
        close_all(first)
    close_all(open_listeners("127.0.0.1", port))


def test_a_port_bound_but_not_listening_is_taken_too() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(CannotListen, match="another program"):
            open_listeners("127.0.0.1", holder.getsockname()[1])


def test_without_ipv6_the_other_family_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    real = listening._bound_socket

    def without_ipv6(address: str, port: int) -> socket.socket:
        if ":" in address:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return real(address, port)

    monkeypatch.setattr(listening, "_bound_socket", without_ipv6)
    listeners = open_listeners("localhost", 0)
    assert [listener.family for listener in listeners] == [socket.AF_INET]
    close_all(listeners)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "does not allow"), (errno.EADDRNOTAVAIL, "failed: nothing there")]
)
def test_other_refusals_are_explained(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    def refuse(address: str, port: int) -> socket.socket:
        raise OSError(number, "nothing there")

    monkeypatch.setattr(listening, "_bound_socket", refuse)
    with pytest.raises(CannotListen, match=words) as caught:
        open_listeners("127.0.0.1", 1)
    assert not caught.value.taken


def test_a_host_that_is_no_address_is_explained() -> None:
    with pytest.raises(CannotListen, match="no address of this machine"):
        open_listeners("256.1.1.1", 1234)
