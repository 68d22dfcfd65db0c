"""How the page tells other devices of the network where it is."""

from __future__ import annotations

from dataclasses import dataclass

from admin.live.views import Snapshot
from admin.qr import qr_image
from administration.lan import LanSwitch
from web.lan import lan_addresses

MOST_ADDRESSES = 4


@dataclass(frozen=True)
class LanView:
    """`pages`: the page's address on each network, with its QR code; `ports`: label and port of what programs ask."""

    on: bool
    host_given: bool
    host: str
    encrypted: bool
    pages: tuple[tuple[str, str], ...]
    apis: tuple[tuple[str, str], ...]


def login_link(base: str, secret: str) -> str:
    """Opens the login page with the key filled in. What stands behind # is not sent, so it is in no log."""
    return f"{base}/login#key={secret}"


def lan_view(switch: LanSwitch, snapshot: Snapshot, *, scheme: str, port: int) -> LanView:
    addresses = lan_addresses()[:MOST_ADDRESSES] if switch.on else []
    servers = [(card.title, card.port) for card in snapshot.devices if card.enabled and card.assigned]
    if snapshot.gateway.enabled:
        servers.insert(0, ("gateway", snapshot.gateway.port))
    pages = [f"{scheme}://{address}:{port}" for address in addresses]
    return LanView(
        on=switch.on,
        host_given=switch.host_given,
        host=switch.host,
        encrypted=scheme == "https",
        pages=tuple((page, qr_image(page)) for page in pages),
        apis=tuple((name, f"{scheme}://{address}:{server}") for address in addresses[:1] for name, server in servers),
    )
