"""Which live fragments each screen holds, and what each fragment is given."""

from __future__ import annotations

from dataclasses import replace

from admin.live.bench_view import bench_tables
from admin.live.events import Fragment
from admin.live.views import Snapshot, Speed
from admin.pages.connect import served_models
from supervision.gateway_supervisor import GATEWAY

NAVIGATION = (
    ("overview", "/"),
    ("models", "/models"),
    ("get", "/get"),
    ("playground", "/playground"),
    ("activity", "/activity"),
    ("logs", "/logs"),
    ("connect", "/connect"),
    ("gateway", "/gateway"),
    ("doctor", "/doctor"),
    ("settings", "/settings"),
)


def common(snapshot: Snapshot) -> list[Fragment]:
    """On every screen: the devices' lamps in the side rail, the notice about a configuration that cannot be used, and
    which devices there are, as a page whose devices have changed has to be loaded anew."""
    lamps = [(card.name, card.port, card.stage, f"/#device-{card.name}") for card in snapshot.devices]
    if snapshot.gateway.enabled:
        lamps.append((GATEWAY, snapshot.gateway.port, snapshot.gateway.state, "/gateway"))
    names = ",".join(card.name for card in snapshot.devices)
    jobs = [{"id": job.id, "state": job.state, "model": job.model_id} for job in snapshot.jobs]
    return [
        Fragment("downloads", "fragments/downloads.json", {"jobs": jobs}),
        Fragment("layout", "fragments/layout.html", {"names": names}),
        Fragment("nav", "fragments/nav.html", {"devices": lamps, "downloads": len(snapshot.active_jobs)}),
        Fragment(
            "notice", "fragments/notice.html", {"problem": snapshot.config_problem, "newer": snapshot.newer_version}
        ),
    ]


def overview(snapshot: Snapshot) -> list[Fragment]:
    total = snapshot.machine.total
    # The speed has a fragment of its own: it changes all the time, the rest of the card does not.
    cards = [
        Fragment(
            f"device.{card.name}",
            "fragments/device.html",
            {"card": replace(card, speed=Speed()), "total_memory": total},
        )
        for card in snapshot.devices
    ]
    speeds = [
        Fragment(f"speed.{card.name}", "fragments/speed.html", {"speed": card.speed}) for card in snapshot.devices
    ]
    machine = Fragment("machine", "fragments/machine.html", {"memory": snapshot.machine})
    return [*common(snapshot), machine, *cards, *speeds]


def models(snapshot: Snapshot) -> list[Fragment]:
    total = sum(model.size_bytes or 0 for model in snapshot.local_models)
    context = {"models": snapshot.local_models, "total": total}
    return [*common(snapshot), Fragment("models", "fragments/models.html", context)]


def get(snapshot: Snapshot) -> list[Fragment]:
    return [
        *common(snapshot),
        Fragment("jobs", "fragments/jobs.html", {"jobs": snapshot.jobs}),
        Fragment(
            "conversions",
            "fragments/conversions.html",
            {"conversions": snapshot.conversions, "converter": snapshot.converter},
        ),
        Fragment(
            "recommended",
            "fragments/recommended.html",
            {"found": snapshot.recommended, "local": frozenset(model.id for model in snapshot.local_models)},
        ),
        Fragment("catalogue", "fragments/catalogue.html", {"catalogue": snapshot.catalogue}),
    ]


def playground(snapshot: Snapshot) -> list[Fragment]:
    chatting = [model for model in served_models(snapshot) if model.chats]
    return [*common(snapshot), Fragment("served", "fragments/served.html", {"models": chatting})]


def activity(snapshot: Snapshot) -> list[Fragment]:
    return [*common(snapshot), Fragment("running", "fragments/running.html", {"rows": snapshot.running})]


def bench(snapshot: Snapshot) -> list[Fragment]:
    status = snapshot.bench
    tables = bench_tables(status) if status else ()
    return [*common(snapshot), Fragment("bench", "fragments/bench.html", {"status": status, "tables": tables})]


def doctor(snapshot: Snapshot) -> list[Fragment]:
    check = snapshot.check
    return [
        *common(snapshot),
        Fragment("doctor", "fragments/doctor.html", {"running": check.running, "latest": check.latest}),
    ]


def gateway(snapshot: Snapshot) -> list[Fragment]:
    models = served_models(snapshot)
    names = (*(model.public_id for model in models), *dict.fromkeys(model.bare_id for model in models))
    card = snapshot.gateway
    return [
        *common(snapshot),
        Fragment("gateway", "fragments/gateway.html", {"card": card}),
        Fragment("aliases", "fragments/aliases.html", {"aliases": card.aliases, "names": names}),
    ]


SCREENS = {
    "overview": overview,
    "models": models,
    "get": get,
    "playground": playground,
    "activity": activity,
    "bench": bench,
    "doctor": doctor,
    "gateway": gateway,
}
"""The screens with fragments of their own; every other one has the common ones."""
