"""Alerts that change too often to be told each time.

An alert flaps once it has fired and been resolved by the portal so many times
within a span. From then on it stays open and quiet, whatever is found, until it
has been found the same for a while: then it is resolved, or goes on.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from alerts.delivery import nudge
from alerts.models import Alert, AlertEvent, Status
from alerts.triage import grouping, lifecycle, people

Kind = AlertEvent.Kind
_TOLD_OPEN = [Status.FIRING, Status.ACKNOWLEDGED]


def changes(fingerprints: Collection[str], now: datetime) -> Counter[str]:
    """How often each breach fired and was resolved by the portal within the span.

    What came before it was last found steady counts no more.
    """
    counted = Q(kind__in=[Kind.OPENED, Kind.FIRED, Kind.REOPENED], to_status=Status.FIRING) | Q(
        kind=Kind.RESOLVED, from_status__in=_TOLD_OPEN
    )
    events = AlertEvent.objects.filter(
        counted | Q(kind=Kind.STABLE),
        alert__fingerprint__in=fingerprints,
        actor=None,
        at__gt=now - timedelta(seconds=settings.FLAP_SPAN_SECONDS),
    ).values_list("alert__fingerprint", "kind", "at")
    # A breach that goes to and fro is soon flapping: they are few.
    found = list(events.order_by("at"))
    steady = {mark: at for mark, kind, at in found if kind == Kind.STABLE}
    return Counter(
        mark
        for mark, kind, at in found
        if kind != Kind.STABLE and (mark not in steady or at > steady[mark])
    )


def would_flap(fingerprints: Collection[str], now: datetime) -> set[str]:
    """For which of them one change more is one too many."""
    counted = changes(fingerprints, now)
    return {mark for mark in fingerprints if counted[mark] + 1 >= settings.FLAP_CHANGES}


def begin(alert: Alert, now: datetime, *, kept: bool) -> bool:
    """Keep the alert open and quiet from now on; False when it is so already, or closed."""
    with transaction.atomic():
        begun = (
            Alert.objects.filter(pk=alert.pk, flapping=False)
            .exclude(status=Status.RESOLVED)
            .update(flapping=True, kept=kept, steady_since=now, changed_at=now)
        )
        if not begun:
            return False
        alert.refresh_from_db(fields=["flapping", "kept", "steady_since", "status", "severity"])
        beginning(alert).save(force_insert=True)
        nudge.after_commit()
    return True


def beginning(alert: Alert) -> AlertEvent:
    """That the alert flaps from now on; not stored."""
    return AlertEvent(
        alert=alert,
        kind=Kind.FLAPPING,
        from_status=alert.status,
        to_status=alert.status,
        note=f"It fires and recovers too often ({settings.FLAP_CHANGES} changes within "
        f"{_minutes(settings.FLAP_SPAN_SECONDS)}): quiet until it is steady for "
        f"{_minutes(settings.FLAP_STEADY_SECONDS)}.",
        data={"severity": alert.severity},
    )


def recover(
    alert_id: int, note: str, *, agent: str = "evaluation", now: datetime | None = None
) -> bool:
    """The breach is over: resolve the alert, unless it flaps; False when it stays open.

    The one way by which what raises alerts closes them again.
    """
    now = now or timezone.now()
    alert = Alert.objects.filter(pk=alert_id).exclude(status=Status.RESOLVED).first()
    if alert is None:
        return False
    if alert.flapping:
        Alert.objects.filter(pk=alert_id, flapping=True, kept=False).update(
            kept=True, steady_since=now
        )
        return False
    if alert.status in _TOLD_OPEN and would_flap([alert.fingerprint], now):
        begin(alert, now, kept=True)
        return False
    return lifecycle.resolve_recovered(alert_id, note, agent)


def broken_again(alert: Alert, now: datetime) -> dict[str, object]:
    """What a breach changes of an open alert that flaps; its row must be locked."""
    if not alert.flapping or not alert.kept:
        return {}
    return {"kept": False, "steady_since": now}


def settle(now: datetime) -> int:
    """Let alerts that have been steady flap no more: resolved, or open as any other."""
    since = now - timedelta(seconds=settings.FLAP_STEADY_SECONDS)
    due = Alert.objects.filter(flapping=True, steady_since__lte=since)
    due = due.exclude(status=Status.RESOLVED)
    return sum(_end(alert, since) for alert in due.order_by("pk"))


def _end(alert: Alert, since: datetime) -> bool:
    with transaction.atomic():
        ended = Alert.objects.filter(
            pk=alert.pk, flapping=True, kept=alert.kept, steady_since__lte=since
        ).update(flapping=False, steady_since=None, changed_at=timezone.now())
        if not ended:
            return False
        alert.refresh_from_db(fields=["flapping", "status", "severity", "steady_since"])
        found = "kept" if alert.kept else "broken"
        note = f"Found {found} for {_minutes(settings.FLAP_STEADY_SECONDS)} without a break."
        # Nobody needs to hear that it is over twice.
        quiet = {"quiet": grouping.FLAPPING} if alert.kept else {}
        data = {"severity": alert.severity, "kept": alert.kept, **quiet}
        people.record(alert, Kind.STABLE, note=note, data=data)
        if alert.kept:
            lifecycle.resolve_recovered(alert.pk, note, "flapping")
    return True


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g} min"
