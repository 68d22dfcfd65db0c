"""Fetching what a client names by URL, from the public internet only: a request must not reach into this network."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urljoin, urlsplit

import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_MAX_REDIRECTS = 3
_SECONDS = 20.0
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv4 behind NAT64 (RFC 6052)


class FetchFailed(Exception):
    """str() says why, in a sentence."""


class PublicFetch:
    """Gets files over http and https.

    A host's name is resolved once and the connection made to that very address, so that a name cannot mean another
    one a moment later. Every redirect is checked anew. `resolve` and `transport` are for tests.
    """

    def __init__(self, *, resolve: Resolve | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._resolve = resolve or _addresses
        self._transport = transport

    async def get(self, url: str, *, max_bytes: int) -> bytes:
        """The body behind `url`. Raises `FetchFailed`."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_SECONDS, transport=self._transport) as client:
                return await asyncio.wait_for(self._follow(client, url, max_bytes), _SECONDS)
        except asyncio.TimeoutError as error:
            raise FetchFailed(f"it did not come within {_SECONDS:g} seconds") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise FetchFailed(f"it could not be fetched ({error or type(error).__name__})") from error

    async def _follow(self, client: httpx.AsyncClient, url: str, max_bytes: int) -> bytes:
        for _ in range(_MAX_REDIRECTS + 1):
            response = await client.send(await self._request(url), stream=True)
            try:
                if not response.is_redirect:
                    return await _body(response, max_bytes)
                url = urljoin(url, response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise FetchFailed(f"it redirects more than {_MAX_REDIRECTS} times")

    async def _request(self, url: str) -> httpx.Request:
        """A request to the address that the host has now, under the host's name."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise FetchFailed("it is no valid URL") from error
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise FetchFailed("it is no plain http or https URL")
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"the host {host} is not known") from error
        if not addresses or not all(is_public(address) for address in addresses):
            raise FetchFailed(f"the host {host} is not on the public internet")
        pinned = httpx.URL(url).copy_with(host=addresses[0])
        return httpx.Request("GET", pinned, headers={"Host": parts.netloc}, extensions={"sni_hostname": host})


def is_public(address: str) -> bool:
    """Whether an IP address is none of a private, loopback, link-local, multicast or reserved range, in whatever
    disguise."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _TRANSLATED or ip.sixtofour or ip.teredo:
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    if response.is_error:
        raise FetchFailed(f"its server answered {response.status_code}")
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > max_bytes:
            raise FetchFailed(f"it is larger than {max_bytes >> 20} MiB")
    return bytes(body)
