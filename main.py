"""Start the suite: the admin page and one server for each configured device."""

import os
import sys

if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"Python 3.10 to 3.13 is needed, this is {sys.version_info[0]}.{sys.version_info[1]}.")

if __name__ == "__main__":
    if sys.argv[1:2] != ["launch"]:  # the user's own programs create files as the user wants them
        os.umask(0o077)  # what is created from here on, by children too, is its owner's alone

    from commands.entry import run_command  # a command, or a look at the help, loads only what it needs
    from supervision.job import contain_children

    contain_children()

    if (status := run_command(sys.argv[1:])) is not None:
        sys.exit(status)

try:
    import argparse
    import asyncio
    import logging
    import socket
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import FrameType

    import uvicorn
    from fastapi import FastAPI

    from admin_server import AdminSettings, create_app
    from commands.banner import banner
    from commands.console import accept_all_characters
    from commands.options import parse_arguments
    from configuration.device_config import (
        DEMO_MODEL_ID,
        ConfigError,
        ConfigStore,
        Configuration,
        default_configuration,
    )
    from configuration.gateway_config import GATEWAY_FILE, GatewayStore
    from configuration.server_config import UnusableServerConfig, read_server_config
    from keys.access import new_internal_key
    from keys.errors import KeyProblem
    from keys.key import SCOPES
    from keys.key_store import KEYS_FILE, KeyStore
    from model_registry import ModelRegistry
    from registry.settings import SETTINGS_FILE
    from supervision.log_file import RotatingLogFile
    from supervision.python import python_command
    from supervision.run_file import DirectoryInUse, announced, lock_data_directory
    from supervision.suite import Launch, Suite
    from web.connection import timeout_protocol
    from web.listening import CannotListen, close_all, open_listeners, reachable_address
    from web.log_lines import LogFormat, formatter
    from web.request_id import RequestIdFilter
    from web.tls import UnusableCertificate, scheme_of, tls_files
except ModuleNotFoundError as error:
    sys.exit(f"The package {error.name} is not installed. Start with: python bootstrap.py")

PROJECT = Path(__file__).resolve().parent
DEMO_MODEL = PROJECT / "models" / DEMO_MODEL_ID.replace("/", "_")
SERVER_PROGRAM = python_command("-m", "server_app")

_OPEN_CONNECTIONS_SECONDS = 1
_LOG_BYTES = 5_000_000

logger = logging.getLogger("main")


class CannotStart(Exception):
    """The text is for the person at the terminal: what is wrong and what to do."""


class AdminServer(uvicorn.Server):
    """Ctrl-C ends it with exit code 0; a second one ends everything on the spot.

    An app with streams that never end by themselves has `app.state.end_streams`, an async function to end them.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, suite: Suite) -> None:
        super().__init__(config)
        self._app = app
        self._suite = suite
        self.restarts = False
        app.state.restart = self.restart
        app.state.shut_down = self.leave

    def restart(self) -> None:
        """End, to be started again in the same process with what the configuration then says."""
        self.restarts = True
        self.should_exit = True

    def leave(self) -> None:
        """As at Ctrl-C, for whoever asks over the API."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self._suite.kill()
            os._exit(128 + sig)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The device servers stop while the page's connections are being closed, not after them."""
        logger.info("stopping")
        stopping = asyncio.create_task(self._suite.stop())
        end_streams = getattr(self._app.state, "end_streams", None)
        if end_streams is not None:
            await end_streams()
        await super().shutdown(sockets)
        await stopping


def main(arguments: Sequence[str] | None = None, *, server_program: Sequence[str] = SERVER_PROGRAM) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse_arguments(arguments[1:] if arguments[:1] == ["serve"] else arguments)
    accept_all_characters()
    try:
        with take_over(options.data_dir.resolve()):
            while (port := serve(options, server_program)) is not None:
                options.port = port
    except CannotStart as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def serve(options: argparse.Namespace, server_program: Sequence[str]) -> int | None:
    """Run until told to stop; the port to start again on where that was asked for. Raises `CannotStart`."""
    data_dir: Path = options.data_dir.resolve()
    store = ConfigStore(data_dir / "device_config.json")
    configuration = prepare(data_dir, store)
    try:
        server_config = read_server_config(data_dir)
        certificate, private = server_config.tls_paths(data_dir)
        tls = tls_files(options.tls_cert or certificate, options.tls_key or private)
    except (UnusableCertificate, UnusableServerConfig) as error:
        raise CannotStart(str(error)) from error
    given_host, options = (
        options.host,
        argparse.Namespace(**{**vars(options), "host": server_config.host(options.host)}),
    )
    gateway = GatewayStore(data_dir / GATEWAY_FILE).current()
    exposed = server_config.exposed(options.host) or (gateway.enabled and server_config.exposed(gateway.host))
    first_key = ensure_key(data_dir) if exposed else None
    try:
        listeners = open_listeners(options.host, options.port)
    except CannotListen as error:
        raise CannotStart(
            f"{error} If it is this server, it runs already: open {scheme_of(tls)}://{reachable_address(options.host)}:"
            f"{options.port}. Otherwise choose another port, like this: --port {options.port + 10}"
        ) from error
    port = listeners[0].getsockname()[1]
    try:
        set_up_logging(data_dir, options.log_level, server_config.log_format)
        internal_key = new_internal_key()
        launch = Launch(
            PROJECT,
            data_dir,
            host=options.host,
            log_level=options.log_level,
            admin_port=port,
            program=server_program,
            tls=tls,
            internal_key=internal_key,
        )
        suite = Suite(store, launch, run_devices=not options.no_devices)
        registry = ModelRegistry(data_dir / "models", bundled_dir=DEMO_MODEL, settings_file=data_dir / SETTINGS_FILE)
        settings = AdminSettings(
            data_dir=data_dir,
            host=options.host,
            port=port,
            tls=tls,
            server_config=server_config,
            internal_key=internal_key,
            host_given=given_host is not None,
        )
        app = create_app(settings, suite=suite, registry=registry, store=store)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # ours names no query, in which somebody may have put a key
            timeout_graceful_shutdown=_OPEN_CONNECTIONS_SECONDS,
            server_header=False,
            http=timeout_protocol(),
            ws="none",
            **(tls.server_options() if tls else {}),
        )
        url = f"{scheme_of(tls)}://{reachable_address(options.host)}:{port}"
        with announced(data_dir, url, key=internal_key, certificate=tls.certificate if tls else None):
            print(
                banner(options, port, configuration, scheme=scheme_of(tls), first_key=first_key, gateway=gateway),
                flush=True,
            )
            if store.problem is not None:
                print(f"\nWarning: {store.problem}\nThe last good configuration is used.", file=sys.stderr, flush=True)
            server = AdminServer(config, app, suite)
            server.run(sockets=listeners)
            return port if server.restarts else None
    finally:
        close_all(listeners)


def take_over(data_dir: Path) -> AbstractContextManager[object]:
    """The right to manage the data directory: two servers on one would download into the same files. Raises
    `CannotStart`."""
    try:
        return lock_data_directory(data_dir)
    except DirectoryInUse as error:
        where = f" If it is this server, open {error.url}." if error.url else ""
        raise CannotStart(f"{error}{where} Otherwise wait for it, or choose another folder: --data-dir DIR") from error
    except OSError as error:
        raise CannotStart(
            f"{data_dir} cannot be used ({error}). Choose a folder you may write to: --data-dir DIR"
        ) from error


def prepare(data_dir: Path, store: ConfigStore) -> Configuration:
    """The configuration to run with; on the first start it is written. Raises `CannotStart`."""
    try:
        for folder in (data_dir / "models", data_dir / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        if not store.path.exists():
            store.save(default_configuration(demo_path(data_dir)))
        return store.current()
    except ConfigError as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(
            f"{data_dir} cannot be used ({error}). Choose a folder you may write to: --data-dir DIR"
        ) from error


def ensure_key(data_dir: Path) -> str | None:
    """The secret of a key made here: where others can reach the server there must be one. Raises `CannotStart`."""
    store = KeyStore(data_dir / KEYS_FILE)
    try:
        if store.all():
            return None
        return store.create("first start", SCOPES)[1]
    except (KeyProblem, OSError) as error:
        raise CannotStart(str(error)) from error


def demo_path(data_dir: Path) -> str:
    """The demo model's path as the configuration has it: relative where it lies in the data directory."""
    if DEMO_MODEL.is_relative_to(data_dir):
        return DEMO_MODEL.relative_to(data_dir).as_posix()
    return str(DEMO_MODEL)


def set_up_logging(data_dir: Path, level: str, form: LogFormat = "text") -> None:
    """Once in a process: a server that starts again goes on in the same files."""
    if logging.getLogger().handlers:
        return
    handlers = [
        logging.StreamHandler(),
        RotatingLogFile(data_dir / "logs" / "admin.log", max_bytes=_LOG_BYTES, backups=3),
    ]
    for handler in handlers:
        handler.setFormatter(formatter(form))
        handler.addFilter(RequestIdFilter(as_prefix=form == "text"))
    logging.basicConfig(level=level.upper(), handlers=handlers)
    if level != "debug":
        for chatty in ("httpx", "httpcore", "uvicorn.error"):
            logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
