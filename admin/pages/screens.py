"""Which live fragments each screen holds, and what each fragment is given."""

from __future__ import annotations

from dataclasses import replace

from admin.live.bench_view import bench_tables
from admin.live.events import Fragment
from admin.live.first_steps import first_steps
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
    """On every screen: the devices' lamps in the side rail, how the downloads stand, the notice about a configuration
    that cannot be used, and which devices there are, as a page whose devices have changed has to be loaded anew."""
    lamps = [(card.name, card.port, card.stage, f"/#device-{card.name}") for card in snapshot.devices]
    if snapshot.gateway.enabled:
        lamps.append((GATEWAY, snapshot.gateway.port, snapshot.gateway.state, "/gateway"))
    names = ",".join(card.name for card in snapshot.devices)
    jobs = [
        {"id": job.id, "state": job.state, "model": job.model_id, "error": job.error and job.error.message}
        for job in snapshot.jobs
    ]
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
    steps = Fragment("steps", "fragments/first_steps.html", {"steps": first_steps(snapshot)})
    machine = Fragment("machine", "fragments/machine.html", {"memory": snapshot.machine})
    return [*common(snapshot), steps, machine, *cards, *speeds]


def models(snapshot: Snapshot) -> list[Fragment]:
    """Those that are here and those that can be got."""
    total = sum(model.size_bytes or 0 for model in snapshot.local_models)
    local, on_their_way = frozenset(model.id for model in snapshot.local_models), pulled(snapshot)
    here = {"models": snapshot.local_models, "total": total, "pulled": on_their_way}
    suggested = {"found": snapshot.recommended, "local": local, "pulled": on_their_way}
    return [
        *common(snapshot),
        Fragment("jobs", "fragments/jobs.html", {"jobs": snapshot.jobs}),
        Fragment("models", "fragments/models.html", here),
        Fragment("recommended", "fragments/recommended.html", suggested),
        Fragment("catalogue", "fragments/catalogue.html", {"catalogue": snapshot.catalogue, "pulled": on_their_way}),
        Fragment(
            "conversions",
            "fragments/conversions.html",
            {"conversions": snapshot.conversions, "converter": snapshot.converter},
        ),
    ]


def pulled(snapshot: Snapshot) -> frozenset[str]:
    """The models that are on their way, or paused on it."""
    return frozenset(job.model_id for job in snapshot.jobs if job.active or job.state == "paused")


def playground(snapshot: Snapshot) -> list[Fragment]:
    models = served_models(snapshot)
    groups = {
        "chats": [model for model in models if model.chats],
        "draws": [model for model in models if model.draws],
    }
    return [
        *common(snapshot),
        Fragment("served", "fragments/served.html", {"groups": groups}),
        Fragment("audio", "fragments/audio.html", {"models": [model for model in models if model.audio]}),
    ]


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
        # Its data only says that the snippets are to be asked for again: they differ with the reader's address.
        Fragment("gateway.ways", "fragments/layout.html", {"names": f"{card.port} {card.aliases[:1]} {names[:1]}"}),
        Fragment("aliases", "fragments/aliases.html", {"aliases": card.aliases, "names": names}),
    ]


SCREENS = {
    "overview": overview,
    "models": models,
    "playground": playground,
    "activity": activity,
    "bench": bench,
    "doctor": doctor,
    "gateway": gateway,
}
"""The screens with fragments of their own; every other one has the common ones."""
