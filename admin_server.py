"""The admin app: pages, JSON API and live events. It supervises the device servers and never loads OpenVINO itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from admin.api.bench import bench_router
from admin.api.caches import caches_router
from admin.api.chats import LONG_BODIES, chats_router
from admin.api.clients import clients_router
from admin.api.conversions import conversions_router
from admin.api.devices import devices_router
from admin.api.doctor import doctor_router
from admin.api.doctor_context import doctor_context
from admin.api.first_steps import first_steps_router
from admin.api.gateway import gateway_router
from admin.api.hub import hub_check_router
from admin.api.keys import keys_router
from admin.api.lan import lan_router
from admin.api.metrics import metrics_router
from admin.api.models import models_router
from admin.api.playground import CHAT_PATH, Playground
from admin.api.responses import ERRORS, Alive
from admin.api.serving import serving_router
from admin.api.transfer import transfer_router
from admin.api.tuning import tuning_router
from admin.api.updates import updates_router
from admin.api.uploads import is_piece, uploads_router
from admin.api.usage import usage_router
from admin.errors import ErrorHandlers
from admin.live.bench_runs import BenchRuns
from admin.live.catalogue import CatalogueCache
from admin.live.events import FragmentCache
from admin.live.feed import LiveFeed
from admin.live.snapshots import SnapshotReader
from admin.live.speed_history import SpeedHistory
from admin.live.steps_taken import FILE as STEPS_FILE
from admin.live.steps_taken import StepsFile
from admin.live.updates import UpdateWatch
from admin.live.usage import UsageWatch
from admin.live.usage_recorder import UsageRecorder
from admin.login import PUBLIC, Login, needed_scope, refusal
from admin.pages.routes import Pages
from admin.pages.screens import NAVIGATION
from admin.rendering import Renderer
from admin.static_assets import StaticAssets
from administration.lan import LanSwitch
from administration.service import Administration
from administration.tuning import TuningRuns
from configuration.device_config import ConfigStore
from configuration.server_config import MB, ServerConfig
from configuration.suggested_command import suggested_command
from conversion.conversions import Conversions
from conversion.toolchain import Converter
from doctor.examination import Doctor
from i18n.catalogues import Catalogues
from keys.access import Access
from keys.gate import KeyGate, client_of
from keys.key_store import KEYS_FILE, KeyStore
from keys.sessions import SESSIONS_FILE, Sessions
from model_registry import ModelRegistry
from registry.last_use import FILE as LAST_USE_FILE
from registry.last_use import LastUse
from saved_chats.database import CHATS_FILE, ChatDatabase
from saved_chats.file_text import FileReader
from saved_chats.store import ChatStore
from supervision.suite import Suite
from usage.store import USAGE_FILE, UsageStore
from version import __version__
from web.compressed_bodies import CompressedBodies
from web.guard import Guard
from web.limits import Limits
from web.openapi import answer, describe
from web.plain_paths import PlainPaths
from web.request_id import RequestId
from web.tls import TlsFiles, scheme_of

PROJECT = Path(__file__).resolve().parent
PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True)
class AdminSettings:
    """`host` is the address the server is bound to; beyond loopback keys are always needed. `host_given`: it was named
    on the command line, so that the page cannot change it."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 11437
    tls: TlsFiles | None = None
    server_config: ServerConfig = field(default_factory=ServerConfig)
    internal_key: str | None = field(default=None, repr=False)
    host_given: bool = False


def create_app(
    settings: AdminSettings,
    *,
    suite: Suite,
    registry: ModelRegistry,
    store: ConfigStore,
    conversions: Conversions | None = None,
) -> FastAPI:
    """`conversions`: those to run instead of the data directory's own, for tests."""
    conversions = conversions or Conversions(registry, Converter(settings.data_dir))
    catalogues = Catalogues(PROJECT / "locales")
    renderer = Renderer(PROJECT / "templates", PROJECT / "static", catalogues, version=__version__)
    new_key = suggested_command("keys create NAME --scope admin", settings.data_dir, python="python")
    renderer.add_globals(navigation=NAVIGATION, new_key_command=new_key)
    history = SpeedHistory(suite)
    last_use = LastUse(settings.data_dir / LAST_USE_FILE)
    steps = StepsFile(settings.data_dir / STEPS_FILE)
    usage = UsageWatch(suite, store, last_use, steps)
    usage_store = UsageStore(settings.data_dir / USAGE_FILE)
    recorder = UsageRecorder(suite, store, usage_store)
    look = doctor_context(suite, registry, store, data_dir=settings.data_dir, host=settings.host, port=settings.port)
    doctor = Doctor(look)
    playground = Playground(suite)
    chats = _chat_database(settings)
    benches = BenchRuns(suite, settings.data_dir, playground.unload_quietly)
    tunings = TuningRuns(suite, settings.data_dir, playground.unload_quietly)
    updates = UpdateWatch(__version__, enabled=settings.server_config.check_updates)
    reader = SnapshotReader(
        suite=suite,
        registry=registry,
        store=store,
        shelf=CatalogueCache(registry),
        history=history,
        last_use=last_use,
        doctor=doctor,
        tunings=tunings,
        steps=steps,
        conversions=conversions,
        updates=updates,
        benches=benches,
    )
    feed = LiveFeed(reader)
    access = Access(
        KeyStore(settings.data_dir / KEYS_FILE),
        always=settings.server_config.exposed(settings.host),
        internal_key=settings.internal_key,
    )
    administration = Administration(
        settings.data_dir,
        store=store,
        registry=registry,
        suite=suite,
        access=access,
        server_config=settings.server_config,
        conversions=conversions,
    )
    sessions = Sessions(access.store, settings.data_dir / SESSIONS_FILE)
    login = Login(access, sessions, renderer, secure=settings.tls is not None)

    lan = LanSwitch(
        administration,
        settings.data_dir,
        host=settings.host,
        host_given=settings.host_given,
        restart=lambda: getattr(app.state, "restart", None),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await suite.start()
        await registry.start()
        conversions.start()
        watches = {"feed": feed, "history": history, "usage": usage, "recorder": recorder, "updates": updates}
        tasks = [asyncio.create_task(watch.run(), name=name) for name, watch in watches.items()]
        tasks.append(asyncio.create_task(suite.watch_configuration(), name="configuration"))
        try:
            yield
        finally:
            await feed.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await conversions.stop()
            await asyncio.gather(
                registry.stop(), suite.stop(), playground.close(), doctor.close(), tunings.close(), benches.close()
            )
            if chats is not None:
                chats.close()

    app = FastAPI(
        title="OpenVINO Multi-Model Server",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
    )
    errors = ErrorHandlers(catalogues, renderer)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)
    app.add_middleware(
        Limits,
        limits=settings.server_config.limits(),
        client_of=client_of,
        refuse=errors.on_limit,
        long_bodies=lambda path: path.startswith((CHAT_PATH, *LONG_BODIES)),
    )
    app.add_middleware(CompressedBodies, refuse=errors.on_limit)
    app.add_middleware(KeyGate, access=access, needed=needed_scope, refuse=refusal(catalogues), session=sessions.caller)
    app.add_middleware(
        Guard, host=settings.host, hosts=settings.server_config.allowed_hosts, content_policy=PAGE_POLICY
    )
    app.add_middleware(RequestId, quiet=is_piece)
    app.add_middleware(PlainPaths)
    app.router.redirect_slashes = False
    errors.install(app)
    app.include_router(devices_router(reader, feed, administration))
    app.include_router(transfer_router(administration, feed))
    app.include_router(models_router(reader, feed, administration))
    app.include_router(uploads_router(registry, feed))
    app.include_router(conversions_router(feed, administration))
    app.include_router(doctor_router(doctor, catalogues))
    app.include_router(caches_router(store, settings.data_dir))
    app.include_router(hub_check_router(registry, catalogues))
    app.include_router(gateway_router(administration, suite, feed))
    app.include_router(clients_router(reader, access, settings.data_dir, scheme_of(settings.tls)))
    app.include_router(playground.router())
    app.include_router(chats_router(ChatStore(chats), FileReader()))
    app.include_router(tuning_router(tunings, feed))
    app.include_router(bench_router(benches, feed))
    app.include_router(metrics_router(suite, registry))
    app.include_router(updates_router(updates, feed, settings.data_dir))
    app.include_router(usage_router(usage_store, recorder, access))
    app.include_router(keys_router(administration, login, page=f"{scheme_of(settings.tls)}://{{}}:{settings.port}"))
    app.include_router(lan_router(lan, login, scheme=scheme_of(settings.tls), port=settings.port))
    app.include_router(first_steps_router(steps, feed))
    app.include_router(serving_router(administration, playground, reader, feed))
    app.include_router(login.router())
    app.add_api_route("/health", _health, methods=["GET"], responses=answer(Alive))
    pages = Pages(
        reader,
        feed,
        FragmentCache(renderer),
        renderer,
        catalogues,
        access,
        settings.data_dir,
        _places(settings, store),
        lan,
        settings.port,
        scheme=scheme_of(settings.tls),
    )
    errors.around = pages.around
    app.include_router(pages.router())
    describe(app, public=PUBLIC)
    app.state.end_streams = feed.close
    app.state.doctor = doctor
    app.state.updates = updates
    app.mount("/static", StaticAssets(directory=PROJECT / "static"))
    return app


def _chat_database(settings: AdminSettings) -> ChatDatabase | None:
    """None where the configuration keeps no chats."""
    most_bytes = int(settings.server_config.chat_history_mb * MB)
    return ChatDatabase(settings.data_dir / CHATS_FILE, most_bytes=most_bytes) if most_bytes else None


async def _health() -> dict[str, str]:
    """Whether the admin server answers; the devices have a health of their own."""
    return {"status": "ok"}


def _places(settings: AdminSettings, store: ConfigStore) -> tuple[tuple[str, str], ...]:
    return (
        ("data_dir", str(settings.data_dir)),
        ("config_file", str(store.path)),
        ("models_dir", str(settings.data_dir / "models")),
        ("logs_dir", str(settings.data_dir / "logs")),
        ("address", f"{scheme_of(settings.tls)}://{settings.host}:{settings.port}"),
        ("version", __version__),
    )
