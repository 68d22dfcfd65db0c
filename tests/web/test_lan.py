import ipaddress

from web.lan import lan_addresses


def test_addresses_are_those_of_networks() -> None:
    found = lan_addresses()
    assert len(found) == len(set(found))
    for address in found:
        ip = ipaddress.ip_address(address)
        assert not ip.is_loopback
        assert not ip.is_link_local
