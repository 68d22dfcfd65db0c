"""One device's server: `python -m server_app --device gpu --config device_config.json --data-dir DIR --fd N`.

It ends gracefully when its standard input does. Exit status 3 means that it cannot start, and that starting it
again would not help.
"""

import argparse
import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from activity.request_log import RecordRequests, RequestLog
from administration.client import AdminClient
from apis.access import PUBLIC, needed_scope
from apis.anthropic.messages import message_routes
from apis.device_models import DeviceContext, DeviceModels
from apis.errors import install_error_handlers, refusal
from apis.forwarded import Forwarded
from apis.metrics import metrics_routes
from apis.model_names import ModelNames
from apis.ollama.digests import Digests
from apis.ollama.embeddings import embedding_routes as ollama_embeddings
from apis.ollama.generation import generation_routes
from apis.ollama.listing import listing_routes
from apis.ollama.management import management_routes
from apis.ollama.pull import pull_routes
from apis.ollama.show import show_routes
from apis.openai.chat import chat_routes
from apis.openai.completions import completion_routes
from apis.openai.embeddings import embedding_routes as openai_embeddings
from apis.openai.images import image_routes
from apis.openai.models import model_routes
from apis.openai.responses import response_routes
from apis.openai.text_to_speech import speech_routes
from apis.openai.transcriptions import transcription_routes
from apis.recorded_paths import calls_a_model
from apis.status import status_routes
from chat.pictures import PictureLoader
from chat.service import ChatService
from configuration.device_config import ConfigError, ConfigStore, Configuration
from configuration.server_config import ServerConfig, UnusableServerConfig, read_server_config
from embeddings.service import EmbeddingService
from hardware.devices import DeviceInfo, DeviceUnavailable, ResolvedDevice, available_devices, resolve_device
from instances.handle import Instance
from instances.protocol import LoadModel
from keys.access import Access, take_internal_key
from keys.gate import KeyGate, client_of
from keys.key_store import KEYS_FILE, KeyStore
from memory.budget import device_budget
from model_manager import ModelManager
from pools.arrivals import CountArrivals
from pools.model_assignment import served_model
from supervision.child_server import handed_sockets, serve_as_child
from supervision.job import contain_children
from version import __version__
from web.compressed_bodies import CompressedBodies
from web.guard import Guard, page_origins
from web.limits import Limits
from web.listening import CannotListen, reachable_address
from web.log_lines import log_to_stderr
from web.openapi import describe
from web.plain_paths import PlainPaths
from web.public_fetch import PublicFetch
from web.request_id import RequestId
from web.tls import TlsFiles, UnusableCertificate, scheme_of, tls_files, verification

logger = logging.getLogger("server_app")

CANNOT_START = 3
_BUNDLED = Path(__file__).resolve().parent / "models" / "demo_server-guide"


@dataclass(frozen=True)
class DeviceServer:
    """What one device's app is made of."""

    name: str
    device: ResolvedDevice
    manager: ModelManager
    names: ModelNames
    place: DeviceContext
    log: RequestLog
    allow_image_urls: bool


def build_device_server(
    name: str,
    configuration: Configuration,
    data_dir: Path,
    available: Sequence[DeviceInfo],
    *,
    store: ConfigStore | None = None,
    make_instance: Callable[[LoadModel], Instance] = Instance,
) -> DeviceServer:
    """`store` is where changes go, default: the data directory's file; `make_instance` is for tests.

    Raises KeyError on a device that is not configured and `DeviceUnavailable`.
    """
    settings = configuration.devices[name]
    device = resolve_device(settings.device, settings.fallback_device, available)
    models = [served_model(name, settings, model, data_dir, available) for model in settings.models]
    others = {other: each.port for other, each in configuration.devices.items() if other != name}
    manager = ModelManager(
        models,
        device_budget(settings, device, data_dir),
        cache_dir=data_dir / f"cache_{name}",
        max_queue=settings.max_queue,
        queue_seconds=settings.queue_timeout,
        make_instance=make_instance,
    )
    names = ModelNames(name, models, others, settings.aliases)
    store = store or ConfigStore(data_dir / "device_config.json")
    place = DeviceContext(name, store, data_dir, _BUNDLED, available)
    log = RequestLog(keeps_texts=settings.keep_prompts)
    return DeviceServer(name, device, manager, names, place, log, settings.allow_image_urls)


def create_app(
    server: DeviceServer,
    *,
    host: str,
    admin_port: int,
    server_config: ServerConfig | None = None,
    tls: TlsFiles | None = None,
    internal_key: str | None = None,
    keys_file: Path | None = None,
) -> FastAPI:
    """The ASGI app of one device. `host` is the address it is bound to; keys are needed once there are any, and
    always where others can reach it. `internal_key`: see `keys.access.Access`; `keys_file` None: the data
    directory's."""

    server_config = server_config or ServerConfig()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await server.manager.start()
        hashing = asyncio.create_task(digests.compute(server.names.models.values()))
        yield
        hashing.cancel()
        await server.manager.stop()
        await service.close()

    title = f"OpenVINO Multi-Model Server: {server.name}"
    app = FastAPI(title=title, version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    install_error_handlers(app)
    service = ChatService(server.manager, pictures=PictureLoader(PublicFetch() if server.allow_image_urls else None))
    embeddings = EmbeddingService(server.manager)
    digests = Digests(server.place.data_dir / f"cache_{server.name}" / "digests.json")
    models = DeviceModels(server.place, server.manager, server.names, service)
    admin_url = f"{scheme_of(tls)}://{reachable_address(host)}:{admin_port}"
    connect = partial(AdminClient, admin_url, key=internal_key, verify=verification(tls))
    keys = KeyStore(keys_file or server.place.data_dir / KEYS_FILE)
    access = Access(keys, always=server_config.exposed(host), internal_key=internal_key)
    for router in (  # the busiest first: they are looked through in this order
        chat_routes(service, server.names),
        status_routes(server.name, server.device, server.manager, server.names, server.log),
        metrics_routes(server.name, server.manager),
        completion_routes(service, server.names),
        openai_embeddings(embeddings, server.names),
        transcription_routes(server.manager, server.names),
        speech_routes(server.manager, server.names),
        image_routes(server.manager, server.names),
        ollama_embeddings(embeddings, server.names),
        model_routes(server.names, created=int(time.time())),
        response_routes(service, server.names),
        message_routes(service, server.names),
        generation_routes(service, server.manager, server.names),
        listing_routes(server.manager, server.names, digests),
        show_routes(server.manager, server.names),
        pull_routes(connect, models, server.names),
        management_routes(models, server.names),
    ):
        app.router.routes.extend(router.routes)
    describe(app, public=PUBLIC)
    origins = (*page_origins(admin_port, scheme=scheme_of(tls)), *server_config.allowed_origins)
    app.add_middleware(Limits, limits=server_config.limits(), client_of=client_of, refuse=refusal)
    app.add_middleware(CompressedBodies, refuse=refusal)
    app.add_middleware(Forwarded)
    app.add_middleware(RecordRequests, log=server.log, is_recorded=calls_a_model)
    app.add_middleware(CountArrivals, arrivals=server.manager.arrivals, is_counted=calls_a_model)
    app.add_middleware(KeyGate, access=access, needed=needed_scope, refuse=refusal)
    app.add_middleware(Guard, host=host, hosts=server_config.allowed_hosts, origins=origins, error=refusal)
    app.add_middleware(RequestId)
    app.add_middleware(PlainPaths)
    app.router.redirect_slashes = False
    return app


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="server_app", description="Serve the models of one device.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--device", required=True, help="the device's key in the configuration")
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="default: the configured port; not used with --fd")
    parser.add_argument("--fd", type=int, action="append", default=[], help="an inherited listening socket")
    parser.add_argument("--admin-port", type=int, default=11437, help="the admin page's port, whose page may call us")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--tls-cert", type=Path, help="certificate and chain, PEM")
    parser.add_argument("--tls-key", type=Path, help="its private key, PEM")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None, *, make_instance: Callable[[LoadModel], Instance] = Instance) -> int:
    options = _parse_arguments(arguments)
    log_to_stderr(options.log_level)
    internal_key = take_internal_key()
    try:
        tls = tls_files(options.tls_cert, options.tls_key)
        server_config = read_server_config(options.data_dir)
        log_to_stderr(options.log_level, server_config.log_format)
        configuration = ConfigStore(options.config).load()
        server = build_device_server(
            options.device,
            configuration,
            options.data_dir,
            available_devices(),
            store=_store_for_changes(options.config),
            make_instance=make_instance,
        )
        port = options.port or configuration.devices[options.device].port
        sockets = handed_sockets(options.fd, options.host, port)
    except (ConfigError, DeviceUnavailable, CannotListen, UnusableCertificate, UnusableServerConfig, OSError) as error:
        logger.error("%s", error)
        return CANNOT_START
    except KeyError:
        logger.error("%s has no device '%s'.", options.config, options.device)
        return CANNOT_START
    if server.device.fallback_reason:
        logger.warning("%s", server.device.fallback_reason)
    app = create_app(
        server,
        host=options.host,
        admin_port=options.admin_port,
        server_config=server_config,
        tls=tls,
        internal_key=internal_key,
    )
    serve_as_child(app, sockets, log_level=options.log_level, tls=tls)
    return 0


def _store_for_changes(config: Path) -> ConfigStore:
    """The suite hands over the last good copy while the file itself is broken; changes belong into the file."""
    return ConfigStore(config.with_name(config.name.replace(".last-good.", ".")))


if __name__ == "__main__":
    os.umask(0o077)
    contain_children()
    status = main()
    logging.shutdown()
    os._exit(status)  # native threads of OpenVINO may hold up an ordinary exit
