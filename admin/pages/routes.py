"""The screens, and the stream that keeps each of them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from markupsafe import Markup

from admin.live.events import FragmentCache, page_events
from admin.live.feed import LiveFeed
from admin.live.news import ActivityNews, LogNews
from admin.live.request_rows import find
from admin.live.snapshots import SnapshotReader
from admin.live.views import Snapshot
from admin.login import own_path, read_form
from admin.pages import connect, screens
from admin.pages.key_list import KeyList
from admin.pages.lan import lan_view
from admin.rendering import THEME_COOKIE, THEMES, Audience, Renderer
from administration.errors import AdministrationError
from administration.lan import LanSwitch
from i18n.catalogues import LANGUAGE_COOKIE, Catalogues
from keys.access import Access
from model_registry import RegistryError
from registry.caches import list_caches
from supervision.gateway_supervisor import GATEWAY

ONE_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Pages:
    reader: SnapshotReader
    feed: LiveFeed
    cache: FragmentCache
    renderer: Renderer
    catalogues: Catalogues
    access: Access
    data_dir: Path
    places: tuple[tuple[str, str], ...]
    lan: LanSwitch
    port: int
    scheme: str = "http"

    def router(self) -> APIRouter:
        router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
        router.add_api_route("/", self.overview)
        router.add_api_route("/models", self.models)
        router.add_api_route("/get", self.get)
        router.add_api_route("/get/search", self.search)
        router.add_api_route("/playground", self.playground)
        router.add_api_route("/activity", self.activity)
        router.add_api_route("/activity/charts", self.charts)
        router.add_api_route("/activity/bench", self.bench)
        router.add_api_route("/activity/{device}/{number}", self.request_details)
        router.add_api_route("/logs", self.logs)
        router.add_api_route("/logs/{device}/download", self.download_log)
        router.add_api_route("/connect", self.connect)
        router.add_api_route("/gateway", self.gateway)
        router.add_api_route("/doctor", self.doctor)
        router.add_api_route("/settings", self.settings)
        router.add_api_route("/preferences", self.save_preferences, methods=["POST"])
        router.add_api_route("/api/events", self.events)
        return router

    async def overview(self, request: Request) -> Response:
        return await self._screen(request, "overview")

    async def models(self, request: Request) -> Response:
        return await self._screen(request, "models")

    async def get(self, request: Request) -> Response:
        await self.reader.shelf.open()
        return await self._screen(request, "get")

    async def search(self, request: Request, text: str = "") -> Response:
        """What the hub finds, as a fragment."""
        context: dict[str, Any] = {"query": text, "rows": (), "problem": None}
        try:
            found = await self.reader.registry.search(text)
        except RegistryError as error:
            context["problem"] = error
        else:
            context["rows"] = self.reader.shelf.rows(found)
        audience = Audience.of(request, self.catalogues)
        return HTMLResponse(self.renderer.fragment("fragments/found.html", audience, context))

    async def playground(self, request: Request) -> Response:
        return await self._screen(request, "playground")

    async def activity(self, request: Request) -> Response:
        return await self._screen(request, "activity")

    async def charts(self, request: Request) -> Response:
        return await self._screen(request, "charts")

    async def bench(self, request: Request) -> Response:
        snapshot = await self.reader()
        choices = [model for model in connect.served_models(snapshot) if model.chats and not model.vision]
        return self._render(request, "bench", snapshot, {}, choices=choices)

    async def request_details(self, request: Request, device: str, number: int) -> Response:
        """All that is known of one request, as a fragment."""
        row = find(self.reader.suite, device, number)
        if row is None:
            raise AdministrationError(404, "not_found", path=request.url.path)
        audience = Audience.of(request, self.catalogues)
        return HTMLResponse(self.renderer.fragment("fragments/request.html", audience, {"row": row}))

    async def logs(self, request: Request, device: str | None = None) -> Response:
        snapshot = await self.reader()
        names = [card.name for card in snapshot.devices]
        if snapshot.gateway.enabled:
            names.append(GATEWAY)
        if device is not None and device not in names:
            raise AdministrationError(404, "unknown_device", device=device, known=", ".join(names))
        chosen = device or next(iter(names), None)
        query = {"device": chosen} if chosen else {}
        return self._render(request, "logs", snapshot, query, devices=names, device=chosen)

    async def download_log(self, device: str) -> Response:
        log = self.reader.suite.log(device)
        text = "".join(f"{line.text}\n" for line in log.tail(1_000_000))
        headers = {"Content-Disposition": f'attachment; filename="{device}.log"'}
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)

    async def connect(self, request: Request, model: str | None = None) -> Response:
        snapshot = await self.reader()
        choices = connect.served_models(snapshot)
        context: dict[str, Any] = {"choices": choices}
        if choices:
            chosen = next((choice for choice in choices if choice.public_id == model), choices[0])
            keys = KeyList.of(self.access, request)
            gateway = snapshot.gateway.port if snapshot.gateway.running else None
            way = connect.Way(Audience.of(request, self.catalogues).host, self.scheme, keys.required, gateway)
            context |= {
                "chosen": chosen,
                "needs_key": keys.required,
                "addresses": connect.addresses(chosen, way),
                "recipes": connect.recipes(chosen, way),
            }
        return self._render(request, "connect", snapshot, {}, **context)

    async def gateway(self, request: Request) -> Response:
        snapshot = await self.reader()
        keys = KeyList.of(self.access, request)
        way = connect.Way(Audience.of(request, self.catalogues).host, self.scheme, keys.required, snapshot.gateway.port)
        context = {"card": snapshot.gateway, "ways": connect.gateway_recipes(snapshot, way), "keys": keys}
        return self._render(request, "gateway", snapshot, {}, **context)

    async def doctor(self, request: Request) -> Response:
        if self.reader.doctor.latest is None:
            self.reader.doctor.begin()
        return await self._screen(request, "doctor")

    async def settings(self, request: Request) -> Response:
        snapshot = await self.reader()
        caches = await asyncio.to_thread(list_caches, self.data_dir, [card.name for card in snapshot.devices])
        lan = await asyncio.to_thread(lan_view, self.lan, snapshot, scheme=self.scheme, port=self.port)
        context = {"places": self.places, "hub": self.reader.registry.hub, "caches": caches, "lan": lan}
        context["check_updates"] = self.reader.updates.enabled
        return self._render(request, "settings", snapshot, {}, keys=KeyList.of(self.access, request), **context)

    async def save_preferences(self, request: Request) -> Response:
        form = read_form(await request.body())
        response = RedirectResponse(own_path(form.get("back", "/")), status_code=303)
        if self.catalogues.get(form.get("language", "")):
            _keep(response, LANGUAGE_COOKIE, form["language"])
        if form.get("theme") in THEMES:
            _keep(response, THEME_COOKIE, form["theme"])
        return response

    async def events(self, request: Request, screen: str = "", device: str | None = None) -> Response:
        """Server-sent events for one screen: its fragments as they change, a tick every second, on the log screen
        the lines of `device`, on the activity screen the requests that have ended."""
        audience = Audience.of(request, self.catalogues)
        fragments = screens.SCREENS.get(screen, screens.common)
        news = None if device is None else LogNews(self.reader.suite.log(device))
        if screen == "activity":
            news = ActivityNews(self.reader.suite, self.cache)

        async def stream() -> AsyncIterator[str]:
            async for event in page_events(self.feed, self.cache, fragments, audience, news=news):
                yield event

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _screen(self, request: Request, name: str) -> Response:
        return self._render(request, name, await self.reader(), {})

    def _render(
        self, request: Request, name: str, snapshot: Snapshot, query: dict[str, str], **context: Any
    ) -> Response:
        audience = Audience.of(request, self.catalogues)
        fragments = screens.SCREENS.get(name, screens.common)(snapshot)
        live = {fragment.name: Markup(self.cache.html(fragment, audience)) for fragment in fragments}
        events = "/api/events?" + urlencode({"screen": name, **query})
        return self.renderer.page(
            request, f"{name}.html", {"live": live, "cards": snapshot.devices, "events": events, **context}
        )


def _keep(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=ONE_YEAR, samesite="strict", httponly=True)
