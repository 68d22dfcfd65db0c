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

from admin.api.clients import is_this_machine
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
from admin.pages.model_details import model_details, read_folder
from admin.rendering import THEME_COOKIE, THEMES, VIEW_COOKIE, VIEWS, Audience, Renderer
from administration.errors import AdministrationError
from administration.lan import LanSwitch
from clients import recipes, snippets
from i18n.catalogues import LANGUAGE_COOKIE, Catalogues
from keys.access import Access, Caller
from keys.gate import CALLER
from model_registry import RegistryError
from registry.assigning import new_assignment
from registry.caches import list_caches
from registry.catalogue import guess_entry
from registry.gguf_choice import split_variant
from registry.names import check_model_id, parse_reference
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
        router.add_api_route("/devices/{device}/settings", self.new_settings)
        router.add_api_route("/models", self.models)
        router.add_api_route("/get", self.models)
        router.add_api_route("/get/search", self.search)
        router.add_api_route("/models/detail", self.model_detail)
        router.add_api_route("/models/typed", self.typed_model)
        router.add_api_route("/models/folder", self.folder)
        router.add_api_route("/playground", self.playground)
        router.add_api_route("/activity", self.activity)
        router.add_api_route("/activity/charts", self.charts)
        router.add_api_route("/activity/bench", self.bench)
        router.add_api_route("/activity/{device}/{number}", self.request_details)
        router.add_api_route("/logs", self.logs)
        router.add_api_route("/logs/{device}/download", self.download_log)
        router.add_api_route("/connect", self.connect)
        router.add_api_route("/gateway", self.gateway)
        router.add_api_route("/gateway/ways", self.gateway_ways)
        router.add_api_route("/doctor", self.doctor)
        router.add_api_route("/settings", self.settings)
        router.add_api_route("/preferences", self.save_preferences, methods=["POST"])
        router.add_api_route("/api/events", self.events)
        return router

    async def overview(self, request: Request) -> Response:
        return await self._screen(request, "overview")

    async def new_settings(self, request: Request, device: str, model: str) -> Response:
        """The settings that a model would have on a device, as a fragment: they can be changed before it is applied."""
        card = (await self.reader()).device(device)
        choice = next((each for each in card.models if each.id == model), None) if card else None
        if choice is None or choice.broken:
            raise AdministrationError(404, "not_found", path=request.url.path)
        local = await asyncio.to_thread(self.reader.registry.find, model)
        context = {"card": card, "model": choice, "settings": new_assignment(local, self.data_dir)}
        return self._fragment(request, "fragments/choice_settings.html", context)

    async def models(self, request: Request) -> Response:
        """Those that are here and those that can be got, on one screen with two addresses."""
        await self.reader.shelf.open()
        return await self._screen(request, "models")

    async def model_detail(self, request: Request, model: str) -> Response:
        """All that is known of a model of this machine, as a fragment."""
        row = next((row for row in (await self.reader()).local_models if row.id == model), None)
        if row is None:
            raise AdministrationError(404, "not_found", path=model)
        local = await asyncio.to_thread(self.reader.registry.find, model)
        details = await asyncio.to_thread(model_details, row, local)
        return self._fragment(request, "fragments/model_detail.html", {"details": details})

    async def typed_model(self, request: Request, text: str = "") -> Response:
        """A model that is named in full, by its id or its address, as a fragment: what its name tells of it."""
        model_id, revision = parse_reference(text)
        snapshot = await self.reader()
        try:
            check_model_id(split_variant(model_id)[0])
        except RegistryError:
            return HTMLResponse("")
        known = {entry.id: entry for entry in self.reader.shelf.latest.entries} if self.reader.shelf.latest else {}
        (entry,) = self.reader.shelf.rows([known.get(model_id) or guess_entry(model_id)])
        context = {"entry": entry, "revision": revision, "pulled": screens.pulled(snapshot)}
        return self._fragment(request, "fragments/typed.html", context)

    async def folder(self, request: Request, path: str = "") -> Response:
        """The folders of this machine that a model can be imported from, as a fragment."""
        folder = await asyncio.to_thread(read_folder, path)
        return self._fragment(request, "fragments/folder.html", {"folder": folder})

    def _fragment(self, request: Request, template: str, context: dict[str, Any]) -> Response:
        return HTMLResponse(self.renderer.fragment(template, Audience.of(request, self.catalogues), context))

    async def search(self, request: Request, text: str = "") -> Response:
        """What the hub finds, as a fragment."""
        context: dict[str, Any] = {"query": text, "rows": (), "problem": None}
        context["pulled"] = screens.pulled(await self.reader())
        try:
            found = await self.reader.registry.search(text)
        except RegistryError as error:
            context["problem"] = error
        else:
            context["rows"] = self.reader.shelf.rows(found)
        return self._fragment(request, "fragments/found.html", context)

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
        return self._fragment(request, "fragments/request.html", {"row": row})

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
            way = self._way(request, keys, gateway)
            context |= {
                "chosen": chosen,
                "needs_key": keys.required,
                "addresses": recipes.addresses(chosen, way),
                "recipes": recipes.recipes(chosen, way),
                "clients": connect.clients_of(chosen, way, self.data_dir, here=is_this_machine(request)),
            }
        return self._render(request, "connect", snapshot, {}, **context)

    async def gateway(self, request: Request) -> Response:
        snapshot = await self.reader()
        return self._render(request, "gateway", snapshot, {}, card=snapshot.gateway, **self._ways(request, snapshot))

    async def gateway_ways(self, request: Request) -> Response:
        """How the models are reached at the gateway's address as it is now, as a fragment."""
        context = self._ways(request, await self.reader())
        return self._fragment(request, "fragments/gateway_ways.html", context)

    def _ways(self, request: Request, snapshot: Snapshot) -> dict[str, Any]:
        keys = KeyList.of(self.access, request)
        way = self._way(request, keys, snapshot.gateway.port)
        return {"ways": connect.gateway_recipes(snapshot, way), "keys": keys}

    def _way(self, request: Request, keys: KeyList, gateway: int | None) -> recipes.Way:
        audience = Audience.of(request, self.catalogues)
        say = snippets.Examples.of(audience.translator)
        return recipes.Way(audience.host, self.scheme, keys.required, gateway, say=say)

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
        context["steps_hidden"] = snapshot.steps.hidden
        return self._render(request, "settings", snapshot, {}, keys=KeyList.of(self.access, request), **context)

    async def save_preferences(self, request: Request) -> Response:
        form = read_form(await request.body())
        response = RedirectResponse(own_path(form.get("back", "/")), status_code=303)
        if self.catalogues.get(form.get("language", "")):
            _keep(response, LANGUAGE_COOKIE, form["language"])
        if form.get("theme") in THEMES:
            _keep(response, THEME_COOKIE, form["theme"])
        if form.get("view") in VIEWS:
            _keep(response, VIEW_COOKIE, form["view"])
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

    async def around(self, request: Request) -> dict[str, Any]:
        """What is around the screen itself for those who may see it: the lamps, and the stream that keeps them up to
        date."""
        caller: Caller | None = request.scope.get(CALLER)
        if caller is None or not caller.allows("admin"):
            return {}
        snapshot = await self.reader()
        audience = Audience.of(request, self.catalogues)
        live = {each.name: Markup(self.cache.html(each, audience)) for each in screens.common(snapshot)}
        return {"live": live, "events": "/api/events"}

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
