"""The gateway's server: `python -m gateway_app --config device_config.json --data-dir DIR --fd N`.

It ends gracefully when its standard input does. Exit status 3 means that it cannot start, and that starting it
again would not help.
"""

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from configuration.gateway_config import DEFAULT_PORT
from configuration.server_config import UnusableServerConfig, read_server_config
from gateway.app import GatewayContext, create_app
from keys.access import take_internal_key
from supervision.child_server import handed_sockets, serve_as_child
from version import __version__
from web.listening import CannotListen, reachable_address
from web.log_lines import log_to_stderr
from web.tls import UnusableCertificate, scheme_of, tls_files

logger = logging.getLogger("gateway_app")

CANNOT_START = 3


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gateway_app", description="One address for all devices.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--config", required=True, type=Path, help="device_config.json")
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="not used with --fd")
    parser.add_argument("--fd", type=int, action="append", default=[], help="an inherited listening socket")
    parser.add_argument("--device-host", default="127.0.0.1", help="the address that the device servers are bound to")
    parser.add_argument("--admin-port", type=int, default=11437, help="the admin page's port, whose page may call us")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--tls-cert", type=Path, help="certificate and chain, PEM")
    parser.add_argument("--tls-key", type=Path, help="its private key, PEM")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse_arguments(arguments)
    log_to_stderr(options.log_level)
    internal_key = take_internal_key()
    try:
        tls = tls_files(options.tls_cert, options.tls_key)
        server_config = read_server_config(options.data_dir)
        log_to_stderr(options.log_level, server_config.log_format)
        sockets = handed_sockets(options.fd, options.host, options.port)
    except (CannotListen, UnusableCertificate, UnusableServerConfig, OSError) as error:
        logger.error("%s", error)
        return CANNOT_START
    scheme = scheme_of(tls)
    place = GatewayContext(
        options.data_dir,
        options.config,
        lambda _, port: f"{scheme}://{reachable_address(options.device_host)}:{port}",
        host=options.host,
        admin_port=options.admin_port,
        scheme=scheme,
        trust=tls.client_context() if tls else None,
        server_config=server_config,
        internal_key=internal_key,
    )
    app = create_app(place)
    serve_as_child(app, sockets, log_level=options.log_level, tls=tls, on_end=app.state.gateway.stop_waiting)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    status = main()
    logging.shutdown()
    os._exit(status)
