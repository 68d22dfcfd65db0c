"""The first steps of somebody who is new here: get a model, load it, chat with it, connect a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from admin.live.steps_taken import StepsTaken
from admin.live.views import DeviceCard, ModelChoice, Snapshot
from configuration.device_config import DEMO_MODEL_ID
from registry.jobs import PullJob
from registry.recommend import Recommendation, RecommendedChoice

_BEST_FIRST = ("dgpu", "igpu", "npu", "cpu")
_BALANCED_FIRST = ("balanced", "quick", "best")


@dataclass(frozen=True)
class FirstSteps:
    """How far one is. `model`: the one that the steps are about, `device` the card that serves it or is to; `job`: its
    download; `demo`: the public id of the bundled model, where it can be talked to at once."""

    got: bool
    taken: StepsTaken
    choice: RecommendedChoice | None = None
    hardware: str = ""
    model: str | None = None
    device: str | None = None
    public_id: str | None = None
    assigned: ModelChoice | None = None
    stage: str = ""
    job: PullJob | None = None
    demo: str | None = None

    @property
    def loaded(self) -> bool:
        running = self.assigned.running if self.assigned else None
        return self.taken.loaded or self.taken.chatted or bool(running and running.instances)

    @property
    def ticks(self) -> tuple[tuple[str, bool], ...]:
        return (
            ("get", self.got),
            ("load", self.got and self.loaded),
            ("chat", self.taken.chatted),
            ("connect", self.taken.connected),
        )

    @property
    def current(self) -> str | None:
        """The step that comes next; None when all are done."""
        return next((name for name, done in self.ticks if not done), None)

    @property
    def shown(self) -> bool:
        return not self.taken.hidden and self.current is not None


def first_steps(snapshot: Snapshot) -> FirstSteps:
    """Of the model that is loaded, assigned, suggested or newest, the first of these that there is."""
    taken, cards, local = snapshot.steps, snapshot.devices, snapshot.local_models
    choice, hardware, device = _recommended(snapshot.recommended, cards)
    own = [row for row in local if not row.bundled and row.state == "usable" and "chat" in row.abilities]
    steps = FirstSteps(bool(own), taken, choice, hardware, device=device, demo=_demo(cards))
    if not own:
        model = choice.model if choice else None
        return replace(steps, model=model, job=_download(snapshot.jobs, model))
    seat = _seat(cards, {row.id for row in own})
    if seat is not None:
        card, assigned = seat
        return replace(
            steps, model=assigned.id, device=card.name, public_id=assigned.public_id, assigned=assigned,
            stage=card.stage,
        )  # fmt: skip
    wanted = next((row for row in own if choice and row.id == choice.model), None)
    newest = wanted or max(own, key=lambda row: row.downloaded_at or row.imported_at or "")
    fitting = [fit.device for fit in newest.fitness if fit.level in ("fits", "tight")]
    target = device if device in fitting or not fitting else fitting[0]
    return replace(steps, model=newest.id, device=target, public_id=f"{target}-{newest.id}")


def _download(jobs: Sequence[PullJob], model: str | None) -> PullJob | None:
    """Of the suggested model; else one that somebody has begun, newest first."""
    unfinished = [job for job in jobs if job.state not in ("ready", "cancelled")]
    suggested = [job for job in unfinished if job.model_id == model]
    return next(iter(suggested or [job for job in unfinished if job.active]), None)


def _recommended(
    recommended: Sequence[Recommendation], cards: Sequence[DeviceCard]
) -> tuple[RecommendedChoice | None, str, str | None]:
    """One model for this PC, its hardware's name, and the card to put it on."""
    for kind in _BEST_FIRST:
        for each in recommended:
            card = next((card for card in cards if card.enabled and card.kind.upper() == each.device), None)
            if each.hardware != kind or card is None or not each.choices:
                continue
            levels = {choice.level: choice for choice in each.choices}
            return next(levels[level] for level in _BALANCED_FIRST if level in levels), each.full_name, card.name
    return None, "", next((card.name for card in cards if card.enabled), None)


def _seat(cards: Sequence[DeviceCard], ids: set[str]) -> tuple[DeviceCard, ModelChoice] | None:
    """Where one of these models is offered; first where it is loaded."""
    offered = [(card, model) for card in cards if card.enabled for model in card.assigned if model.id in ids]
    loaded = [seat for seat in offered if seat[1].running and seat[1].running.instances]
    return next(iter(loaded or offered), None)


def _demo(cards: Sequence[DeviceCard]) -> str | None:
    for card in cards:
        for model in card.assigned:
            if model.id == DEMO_MODEL_ID and card.state == "running":
                return model.public_id
    return None
