"""The replay of bench.petshop, in a process of the portal: prints what it counted as JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import django

django.setup()

from django.utils import timezone  # noqa: E402

from accounts.models import Client  # noqa: E402
from alerts.models import Alert, AlertEvent, Incident  # noqa: E402
from alerts.raising import evaluation  # noqa: E402
from alerts.triage import grouping, settling  # noqa: E402
from metrics.replay import loading, petshop  # noqa: E402
from metrics.replay.petshop import Interval  # noqa: E402
from slas import versions  # noqa: E402
from slas.models import ModelTarget, ResourceLimit, Sla  # noqa: E402

LOOK = timedelta(minutes=1)
# After each incident as much of the normal run, so that its alerts can end.
BETWEEN = 12
# A fault begins somewhere in the five minutes before the recording's own alarm.
EARLY = timedelta(minutes=5)
ALARMS = ("opened", "fired", "reopened", "escalated", "flapping")


@dataclass(frozen=True)
class Span:
    """Where an injected incident lies in the replay."""

    name: str
    begins: datetime
    ends: datetime  # of its recording, and the window that still holds it
    until: datetime  # when the next one begins


@dataclass(frozen=True)
class Plan:
    """All intervals in the order of the replay, and the incidents in them."""

    intervals: list[Interval]
    spans: list[Span]
    normal: timedelta


class Clock:
    """The time that the portal takes it to be."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    @contextmanager
    def runs(self) -> Iterator[None]:
        """Within, timezone.now() is this clock's."""
        with mock.patch.object(timezone, "now", side_effect=lambda: self.now):
            yield


class Listener:
    """Somebody who is told of everything, with grouping or without."""

    def __init__(self) -> None:
        self.plain: list[AlertEvent] = []
        self.grouped: list[AlertEvent] = []
        self._seen = 0

    def hear(self, now: datetime) -> None:
        """Give what just happened the clock's time, and route it."""
        new = AlertEvent.objects.filter(pk__gt=self._seen).select_related("alert")
        for event in new.order_by("pk"):
            self._seen = event.pk
            event.at = now
            AlertEvent.objects.filter(pk=event.pk).update(at=now)
            Alert.objects.filter(pk=event.alert_id, created_at__gt=now).update(created_at=now)
            if is_told_plainly(event):
                self.plain.append(event)
            told = [one for one in self.grouped if same_incident(one, event)]
            if event.kind in (*ALARMS, "stable", "resolved") and grouping.announces(event, told):
                self.grouped.append(event)


def is_told_plainly(event: AlertEvent) -> bool:
    """Whether a portal without grouping would tell it."""
    if event.kind == "resolved":
        return event.from_status in ("firing", "acknowledged")
    return event.kind in ALARMS and event.to_status in ("firing", "acknowledged")


def same_incident(one: AlertEvent, other: AlertEvent) -> bool:
    """Whether both are of alerts of one incident."""
    return one.alert.incident_id is not None and one.alert.incident_id == other.alert.incident_id


def plan(start: datetime) -> Plan:
    """The normal run, then each incident with an hour of it behind."""
    recorded = petshop.intervals()
    normal = [one for one in recorded if one.issue == petshop.NORMAL]
    order, spans = list(normal), []
    for fault in petshop.incidents():
        name = f"{fault.scenario} {fault.issue}"
        own = [i for i in recorded if (i.scenario, i.issue) == (fault.scenario, fault.issue)]
        at = start + len(order) * petshop.STEP
        order += own + normal[:BETWEEN]
        begins = at + (fault.detected_at - own[0].start) - EARLY
        ends = at + (len(own) + 1) * petshop.STEP
        spans.append(Span(name, begins, ends, start + len(order) * petshop.STEP))
    faulty = sum((span.ends - span.begins for span in spans), timedelta())
    total = len(order) * petshop.STEP
    return Plan(petshop.lined_up(order, start), spans, total - faulty)


def promise() -> Client:
    """Only what the shop is held against: its normal run spends half of either budget.

    0.17 % of the normal run's requests failed or took over 700 ms, 0.09 % failed.
    """
    for model in (Sla, ModelTarget, ResourceLimit):
        model.objects.all().delete()
    Sla.objects.create(
        code="petsite",
        description="Pages of the pet shop.",
        metric_name=petshop.SITE.metric_name,
        component=petshop.SITE.component,
        target_response_time=700.0,
        latency_share=99.6,
        max_response_time=10_000.0,
        availability=99.8,
        minimum_samples=100,
    )
    versions.sync(timezone.now())
    return Client.objects.create(code="petshop", name="PetShop", tier="standard")


def main() -> None:
    """Replay, and print what was told when."""
    made = plan(timezone.now().replace(second=0, microsecond=0))
    length = len(made.intervals) * petshop.STEP
    start = made.intervals[0].start - length
    shop = promise()
    loading.load(petshop.rows(made.intervals, move=-length), shop.pk)
    clock, listener = Clock(start), Listener()
    with clock.runs():
        while clock.now < start + length:
            clock.now += LOOK
            evaluation.evaluate(clock.now)
            settling.settle(clock.now)
            listener.hear(clock.now)
    print(json.dumps(counted(made, length, listener)))


def counted(made: Plan, moved: timedelta, listener: Listener) -> dict[str, Any]:
    """What was told of each incident, and of nothing."""
    found: dict[str, Any] = {
        "normal_days": made.normal / timedelta(days=1),
        "alerts": Alert.objects.count(),
        "grouped_into": Incident.objects.count(),
        "incidents": [{"name": span.name} for span in made.spans],
    }
    for name in ("plain", "grouped"):
        told = [(event.at + moved, event.kind) for event in getattr(listener, name)]
        alarms = [at for at, kind in told if kind in ALARMS]
        of_incidents = 0
        for span, entry in zip(made.spans, found["incidents"], strict=True):
            own = [at for at in alarms if span.begins <= at <= span.ends]
            of_incidents += len(own)
            entry[name] = sum(span.begins <= at < span.until for at, _ in told)
            entry[f"{name}_found"] = bool(own)
        found[f"{name}_false"] = len(alarms) - of_incidents
    return found


if __name__ == "__main__":
    main()
