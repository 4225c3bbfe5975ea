"""The portal about itself: whether its parts work, and how fast its alerts are."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts import visibility
from accounts.models import User
from aiosmon import deadman, pulse
from aiosmon.models import DeadManPing
from alerts.delivery import slo
from metrics import formats
from metrics.units import Unit


@dataclass(frozen=True)
class Item:
    """One part."""

    label: str
    level: str
    word: str
    ago: str
    problem: str


@dataclass(frozen=True)
class Promise:
    """One stage of the portal's own promise about alerts, over 24 h."""

    what: str
    limit: str
    level: str
    word: str
    count: int
    within: str
    p50: str
    p99: str
    budget: str


@dataclass(frozen=True)
class Switch:
    """The dead-man's switch."""

    level: str
    word: str
    text: str


@dataclass(frozen=True)
class Watching:
    """The panel. The promises are None for who may not see every alert."""

    parts: list[Item]
    promises: list[Promise] | None
    switch: Switch

    @property
    def stopped(self) -> list[str]:
        """The labels of the parts that don't work."""
        return [item.label for item in self.parts if item.problem]


def panel(user: User | AnonymousUser, now: datetime) -> Watching:
    """The parts for everybody; the figures for who sees all clients' alerts. Four queries."""
    found = pulse.seen()
    promises = None
    if visibility.sees_all(user) and user.has_perm("alerts.view_alert"):
        since = now - slo.SPAN
        promises = [
            _promise("Measurement stored → alert open", slo.processing(since, now)),
            _promise("Event → taken by the channel", slo.handed(since, now)),
        ]
    return Watching(
        parts=[_item(part, found.get(part.name), now) for part in pulse.PARTS],
        promises=promises,
        switch=_switch(now),
    )


def _item(part: pulse.Part, at: datetime | None, now: datetime) -> Item:
    problem = pulse.problem(part, at, now)
    return Item(
        label=part.label,
        level="breach" if problem else "ok",
        word="Stopped" if problem else "Works",
        ago=f"{formats.age(now - at)} ago" if at else "never",
        problem=problem,
    )


def _promise(what: str, stage: slo.Stage) -> Promise:
    kept = stage.is_kept
    left = stage.budget_left
    return Promise(
        what=what,
        limit=f"99 % within {formats.measure(stage.limit_ms, Unit.MILLISECONDS)}",
        level={True: "ok", False: "breach", None: "none"}[kept],
        word={True: "Kept", False: "Broken", None: "Nothing yet"}[kept],
        count=stage.count,
        within=formats.share(stage.within, stage.count),
        p50=formats.measure(stage.p50_ms, Unit.MILLISECONDS),
        p99=formats.measure(stage.p99_ms, Unit.MILLISECONDS),
        budget=budget_text(left),
    )


def budget_text(left: float | None) -> str:
    """PURE: what is left of an error budget: "80 % left", "spent 3.0 times over"."""
    if left is None:
        return "–"
    return f"{100 * left:.0f} % left" if left >= 0 else f"spent {1 - left:.1f} times over"


def _switch(now: datetime) -> Switch:
    if not settings.DEADMAN_URL:
        return Switch("none", "Off", "Set AIOSMON_DEADMAN_URL: nobody outside would notice.")
    last = DeadManPing.objects.filter(pk=1).first()
    if last is None or last.tried_at is None:
        return Switch("none", "Not yet", f"{deadman.host()}: no ping yet.")
    ago = f"{formats.age(now - last.pinged_at)} ago" if last.pinged_at else "never"
    text = f"{deadman.host()}: last ping {ago}."
    if last.result:
        return Switch(
            "breach", "Held back" if last.held_back else "Failed", f"{text} {last.result}"
        )
    late = last.pinged_at is None or (now - last.pinged_at).total_seconds() > (
        2 * settings.DEADMAN_SECONDS + settings.HEARTBEAT_MAX_AGE_SECONDS
    )
    return Switch("breach", "Late", text) if late else Switch("ok", "Pinged", text)
