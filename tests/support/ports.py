"""Ports that nothing listens on."""

from web.listening import close_all, open_listeners


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ones: a port that is free twice in a row may be the same."""
    opened = [open_listeners("127.0.0.1", 0) for _ in range(count)]
    ports = [listeners[0].getsockname()[1] for listeners in opened]
    for listeners in opened:
        close_all(listeners)
    return ports
