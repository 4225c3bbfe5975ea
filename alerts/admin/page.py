"""What the alert's page shows, put in words; the template only places it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from accounts import visibility
from accounts.models import User
from alerts.admin import badges, evidence_words, impact_words, prose
from alerts.admin.evidence_words import Event, Fact, Request
from alerts.admin.impact_words import Budget, Figure
from alerts.admin.links import probe_url, promise_url
from alerts.figures import figures
from alerts.models import Alert, AlertType
from alerts.triage import similar
from alerts.triage.similar import History
from metrics import formats
from metrics.models import Component
from slas import names

MOST_SIBLINGS = 10


@dataclass(frozen=True)
class Head:
    """What must be understood in ten seconds."""

    what: str
    severity: SafeString
    severity_reason: str
    status: SafeString
    kind: str
    component: str
    measured: str
    promised: str
    budget: Budget
    age: str
    assignee: str
    team: str
    ends: datetime | None  # when the acknowledgement ends by itself


@dataclass(frozen=True)
class PastItem:
    """One alert of the past."""

    url: str
    number: int
    client: str
    kinship: str
    ended: datetime | None
    lasted: str
    solved_by: str
    who: str
    note: SafeString


@dataclass(frozen=True)
class Past:
    """What the past says."""

    items: list[PastItem]
    count: int
    told: list[tuple[str, int]]
    median: str
    same: str  # "like this one", in words


@dataclass(frozen=True)
class Sibling:
    """Another alert of the incident."""

    url: str
    what: str
    client: str
    severity: SafeString
    status: SafeString
    age: str


@dataclass(frozen=True)
class AlertPage:
    """What stays while the page is open."""

    impact: list[Figure]
    action: SafeString | None
    facts: list[Fact]
    around: list[Event]
    queries: list[Fact]
    worst: list[Request]
    worst_title: str
    worst_named: bool  # whether they are somebody's requests, which may have ids
    labels: list[tuple[str, str]]
    past: Past
    siblings: list[Sibling]
    siblings_more: int
    promise_url: str
    probe_url: str
    rows_url: str
    incident_url: str


def of(alert: Alert, user: User | AnonymousUser, now: datetime) -> AlertPage:
    """The page of one alert to one person, at ``now``."""
    siblings = _siblings(alert, user)
    listed = siblings[:MOST_SIBLINGS]
    return AlertPage(
        impact=impact_words.figures(alert.impact, now),
        action=prose.markdown(alert.recommended_action) if alert.recommended_action else None,
        facts=evidence_words.evidence_facts(alert.evidence),
        around=evidence_words.around(alert.evidence),
        queries=evidence_words.queries(alert.evidence),
        worst=evidence_words.worst(alert),
        worst_named=alert.alert_type != AlertType.PROBE_FAILED,
        worst_title=evidence_words.worst_title(alert.alert_type),
        labels=sorted((str(name), str(value)) for name, value in alert.labels.items()),
        past=_past(similar.of(alert, user)),
        siblings=[_sibling(one, now) for one in listed],
        siblings_more=len(siblings) - len(listed),
        promise_url=promise_url(alert.objective),
        probe_url=probe_url(alert),
        rows_url=evidence_words.rows_url(alert),
        incident_url=_incident_url(alert),
    )


def head(alert: Alert, now: datetime) -> Head:
    """The head; one query for the component's name."""
    component = Component.objects.filter(code=alert.component).first()
    measured, promised = figures(alert)
    return Head(
        what=title(alert),
        severity=badges.severity(alert.severity),
        severity_reason=alert.severity_reason or alert.evidence.get("severity_reason", ""),
        status=badges.status(alert.status),
        kind=alert.get_alert_type_display(),
        component=component.name if component else alert.component,
        measured=measured,
        promised=promised,
        budget=impact_words.budget(alert.impact, now),
        age=formats.age((alert.resolved_at or now) - alert.created_at),
        assignee=str(alert.assignee or ""),
        team=str(alert.team or ""),
        ends=alert.ack_expires_at,
    )


def title(alert: Alert) -> str:
    """What it is about: the promise, another system's name for it, or the metric."""
    named = alert.objective or str(alert.labels.get("alertname", "")) or alert.metric_name
    return names.in_words(named)


def _past(history: History) -> Past:
    items = [
        PastItem(
            url=_url(one.alert),
            number=one.alert.pk,
            client=one.alert.client.name,
            kinship=one.kinship,
            ended=one.alert.resolved_at,
            lasted=formats.age(one.lasted),
            solved_by=one.solved_by,
            who=str(one.alert.resolved_by or "the portal"),
            note=prose.note(one.note),
        )
        for one in history.past
    ]
    median = formats.age(history.median) if history.median is not None else ""
    return Past(items, history.count, history.told, median, items[0].kinship if items else "")


def _siblings(alert: Alert, user: User | AnonymousUser) -> list[Alert]:
    if alert.incident_id is None:
        return []
    found = Alert.objects.filter(incident_id=alert.incident_id).exclude(pk=alert.pk)
    visible = visibility.limit(found, user).select_related("client")
    return list(visible.order_by("resolved", "-impact_score", "created_at")[:50])


def _sibling(alert: Alert, now: datetime) -> Sibling:
    return Sibling(
        url=_url(alert),
        what=title(alert),
        client=alert.client.name,
        severity=badges.severity(alert.severity),
        status=badges.status(alert.status),
        age=formats.age(max((alert.resolved_at or now) - alert.created_at, timedelta())),
    )


def _url(alert: Alert) -> str:
    return reverse("admin:alerts_alert_change", args=[alert.pk])


def _incident_url(alert: Alert) -> str:
    if alert.incident_id is None:
        return ""
    try:
        return reverse("admin:alerts_incident_change", args=[alert.incident_id])
    except NoReverseMatch:
        pass
    query: dict[str, Any] = {"incident": alert.incident_id, "status": "all"}
    return f"{reverse('admin:alerts_alert_changelist')}?{urlencode(query)}"
