"""What a client names by URL is fetched from the public internet only."""

from collections.abc import Callable

import httpx
import pytest

from web.public_fetch import FetchFailed, PublicFetch, is_public

PUBLIC = "93.184.215.14"


class Internet:
    """Hosts by name with the addresses they have, one answer a look-up, and what their servers say."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response], **hosts: list[str]) -> None:
        self.requests: list[httpx.Request] = []
        self.look_ups = 0
        self._answer = answer
        self._hosts = {name.replace("_", "."): addresses for name, addresses in hosts.items()}

    async def resolve(self, host: str, port: int) -> list[str]:
        self.look_ups += 1
        addresses = self._hosts.get(host, [host])
        return [addresses[min(self.look_ups, len(addresses)) - 1]]

    def fetch(self) -> PublicFetch:
        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self._answer(request)

        return PublicFetch(resolve=self.resolve, transport=httpx.MockTransport(handle))


def _ok(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b"picture")


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    internet = Internet(_ok, cats_example=[PUBLIC, "127.0.0.1"])
    assert await internet.fetch().get("https://cats.example:8443/a.png?b=1", max_bytes=100) == b"picture"
    (request,) = internet.requests
    assert internet.look_ups == 1
    assert str(request.url) == f"https://{PUBLIC}:8443/a.png?b=1"
    assert request.headers["host"] == "cats.example:8443"
    assert request.extensions["sni_hostname"] == "cats.example"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "nonsense",
    ],
)
async def test_addresses_of_this_network_are_refused(address: str) -> None:
    assert not is_public(address)
    internet = Internet(_ok, inside_example=[address])
    with pytest.raises(FetchFailed, match="public internet"):
        await internet.fetch().get("http://inside.example/", max_bytes=100)
    assert not internet.requests


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_taken(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f000001"])
async def test_this_machine_is_refused_by_every_name(host: str) -> None:
    with pytest.raises(FetchFailed):
        await PublicFetch().get(f"http://{host}/", max_bytes=100)


async def test_a_host_with_one_private_address_is_refused() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return [PUBLIC, "10.0.0.1"]

    with pytest.raises(FetchFailed, match="public internet"):
        await PublicFetch(resolve=resolve, transport=httpx.MockTransport(_ok)).get("http://a.example/", max_bytes=9)


async def test_redirects_are_followed_and_checked() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"location": "/here"})
        return _ok(request)

    internet = Internet(answer, cats_example=[PUBLIC])
    assert await internet.fetch().get("http://cats.example/moved", max_bytes=100) == b"picture"
    inward = Internet(lambda _: httpx.Response(301, headers={"location": "http://127.0.0.1/x"}), cats_example=[PUBLIC])
    with pytest.raises(FetchFailed, match="public internet"):
        await inward.fetch().get("http://cats.example/", max_bytes=100)
    circle = Internet(lambda _: httpx.Response(301, headers={"location": "/"}), cats_example=[PUBLIC])
    with pytest.raises(FetchFailed, match="redirects"):
        await circle.fetch().get("http://cats.example/", max_bytes=100)


async def test_too_much_is_not_read() -> None:
    internet = Internet(lambda _: httpx.Response(200, content=b"x" * (2 << 20)), cats_example=[PUBLIC])
    with pytest.raises(FetchFailed, match="larger than 1 MiB"):
        await internet.fetch().get("http://cats.example/", max_bytes=1 << 20)


@pytest.mark.parametrize(
    "url", ["ftp://cats.example/", "http://", "http://user:word@cats.example/", "http://cats.example:x/", "http://[::"]
)
async def test_other_urls_are_refused(url: str) -> None:
    internet = Internet(_ok, cats_example=[PUBLIC])
    with pytest.raises(FetchFailed):
        await internet.fetch().get(url, max_bytes=100)
    assert not internet.requests


async def test_errors_of_the_other_server_are_told() -> None:
    internet = Internet(lambda _: httpx.Response(404), cats_example=[PUBLIC])
    with pytest.raises(FetchFailed, match="404"):
        await internet.fetch().get("http://cats.example/", max_bytes=100)
