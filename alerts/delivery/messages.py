"""What a notification says: subject, plain text, Markdown, HTML, and the facts for programs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from alerts.delivery import links, rendering
from alerts.delivery.links import Link
from alerts.figures import figures
from alerts.models import Alert, AlertEvent, AlertType, Channel, Notification, Severity, Status
from alerts.triage import lifecycle
from slas import names

# So many alerts a summary names; the rest it counts.
MOST = 20
Kind = AlertEvent.Kind


@dataclass(frozen=True)
class AlertFacts:
    """An alert as programs get it. Times are ISO 8601, empty for none."""

    id: int
    url: str
    what: str
    kind: str
    status: str
    severity: str
    severity_reason: str
    alert_type: str
    client: str
    client_name: str
    component: str
    metric_name: str
    objective: str
    model: str
    message: str
    measured: str
    promised: str
    measured_value: float
    promised_value: float
    unit: str
    business_impact: str
    recommended_action: str
    started_at: str
    resolved_at: str
    fingerprint: str
    labels: dict[str, str] = field(default_factory=dict)
    # What people do from the message: label → address.
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """One message in every form that a channel may show."""

    subject: str
    kind: str
    status: str
    severity: str
    text: str
    markdown: str
    html: str
    alerts: list[AlertFacts]
    omitted: int = 0


def of(notification: Notification) -> Message:
    """What this notification says now."""
    if notification.event is None:
        return _summary(notification)
    event = notification.event
    facts = _facts(event.alert, event.kind, notification)
    lines = _lines(notification, event, facts)
    head = heading(event)
    subject = f"{head} {facts.what} – {facts.client_name}"
    return _rendered(subject, event.kind, [(head, facts, lines)], facts, 0)


def test(channel: Channel, by: str) -> Message:
    """What the button on the channel's page sends."""
    text = (
        f"{by} tests the channel “{channel}” of AIOSMON at {settings.PORTAL_URL}. "
        "Alerts will look much like this; nothing is wrong."
    )
    subject = f"[Test] AIOSMON, {channel}"
    html = rendering.html([("Test", "", [("", text)], {})])
    return Message(subject, "test", "info", "", text, rendering.escaped(text), html, [])


def heading(event: AlertEvent) -> str:
    """PURE: what a subject begins with."""
    severity = Severity(event.alert.severity).label
    if event.kind == Kind.RESOLVED:
        return "[Resolved]"
    if event.kind in {Kind.OPENED, Kind.FIRED}:
        return f"[{severity}]"
    if event.kind == Kind.ASSIGNED:
        return f"[Assigned, {severity.lower()}]"
    label = {Kind.ESCALATED: "Severity changed", Kind.COMMENTED: "You are mentioned"}
    return f"[{label.get(Kind(event.kind), event.get_kind_display())}, {severity.lower()}]"


def _summary(carrier: Notification) -> Message:
    members = list(
        carrier.members.select_related("event__alert__client", "event__alert__team").order_by("id")
    )
    latest: dict[int, AlertEvent] = {}
    for member in members:
        if member.event is not None:
            # An alert that fired and recovered meanwhile is told once, by its last change.
            latest[member.event.alert_id] = member.event
    events = sorted(latest.values(), key=_gravest_first)
    told = [(heading(one), _facts(one.alert, one.kind, None)) for one in events]
    shown = [(head, facts, _short(facts)) for head, facts in told[:MOST]]
    what = "Digest" if carrier.form == Notification.Form.DIGEST else "Many alerts at once"
    worst = max((facts.severity for _, facts in told), key=list(Severity.values).index, default="")
    count = "1 alert" if len(told) == 1 else f"{len(told)} alerts"
    subject = f"[{what}] {count}" + (f", worst: {worst}" if worst else "")
    omitted = len(told) - len(shown)
    message = _rendered(subject, carrier.form, shown, None, omitted)
    # Programs get all of them: they count, and can take more than people read.
    facts_of_all = [facts for _, facts in told]
    firing = any(facts.status != "resolved" for facts in facts_of_all)
    return Message(
        **{
            **vars(message),
            "alerts": facts_of_all,
            "omitted": 0,
            "severity": worst,
            "status": "firing" if firing else "resolved",
        }
    )


def _gravest_first(event: AlertEvent) -> tuple[bool, int, int]:
    rank = list(Severity.values).index(event.alert.severity)
    return event.alert.status == Status.RESOLVED, -rank, event.pk


def _rendered(
    subject: str,
    kind: str,
    parts: list[tuple[str, AlertFacts, list[tuple[str, str]]]],
    facts: AlertFacts | None,
    omitted: int,
) -> Message:
    blocks = [(f"{head} {one.what}", one.url, lines, one.links) for head, one, lines in parts]
    if omitted:
        url = settings.PORTAL_URL.rstrip("/") + reverse("admin:alerts_alert_changelist")
        blocks.append((f"… and {omitted} more", url, [], {}))
    return Message(
        subject=" ".join(subject.split())[:200],
        kind=kind,
        status=facts.status if facts else "info",
        severity=facts.severity if facts else "",
        text=rendering.text(blocks),
        markdown=rendering.markdown(blocks),
        html=rendering.html(blocks),
        alerts=[one for _, one, _ in parts],
    )


def _lines(
    notification: Notification, event: AlertEvent, facts: AlertFacts
) -> list[tuple[str, str]]:
    alert = event.alert
    severity, reason = Severity(alert.severity).label, facts.severity_reason
    note = "" if event.note == alert.alert_message else event.note
    lines = [
        ("", facts.message),
        (_noted(event), note),
        ("Severity", f"{severity} ({reason})" if reason else severity),
        ("Client", f"{alert.client.name}, {alert.client.get_tier_display().lower()}"),
        ("Measured / promised", f"{facts.measured} / {facts.promised}"),
        ("Business impact", facts.business_impact),
        ("Recommended action", facts.recommended_action if alert.status != Status.RESOLVED else ""),
        ("When", _moment(event.at, notification)),
        ("You are told because", notification.why),
    ]
    return [(name, value) for name, value in lines if value]


def _short(facts: AlertFacts) -> list[tuple[str, str]]:
    return [
        ("", f"{facts.client_name}: {facts.measured} / {facts.promised}"),
        *([("Business impact", facts.business_impact)] if facts.business_impact else []),
    ]


def _noted(event: AlertEvent) -> str:
    """PURE: who said what the note says."""
    who = event.actor or event.agent or "The portal"
    return f"{who}, {event.get_kind_display().lower()}"


def _moment(at: datetime, notification: Notification) -> str:
    person = notification.recipient
    zone = person.time_zone if person else "UTC"
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S} {zone}"


def _facts(alert: Alert, kind: str, notification: Notification | None) -> AlertFacts:
    measured, promised = figures(alert)
    path = reverse("admin:alerts_alert_change", args=[alert.pk])
    url = settings.PORTAL_URL.rstrip("/") + path
    resolved = alert.status == Status.RESOLVED
    return AlertFacts(
        id=alert.pk,
        url=url,
        what=names.in_words(alert.objective or alert.metric_name),
        kind=AlertType(alert.alert_type).label,
        # By the event: a “fired” that is late says so even if the alert has recovered since.
        status="resolved" if kind == Kind.RESOLVED else "firing",
        severity=alert.severity,
        severity_reason=alert.severity_reason or str(alert.evidence.get("severity_reason", "")),
        alert_type=alert.alert_type,
        client=alert.client.code,
        client_name=alert.client.name,
        component=alert.component,
        metric_name=alert.metric_name,
        objective=alert.objective,
        model=alert.model,
        message=alert.alert_message,
        measured=measured,
        promised=promised,
        measured_value=alert.actual_value,
        promised_value=alert.threshold_value,
        unit=alert.unit,
        business_impact=alert.business_impact or "",
        recommended_action=alert.recommended_action or "",
        started_at=(alert.fired_at or alert.created_at).isoformat(),
        resolved_at=alert.resolved_at.isoformat() if alert.resolved_at and resolved else "",
        fingerprint=alert.fingerprint,
        labels={str(name): str(value) for name, value in alert.labels.items()},
        links={"Open alert": url, **_signed(alert, notification)},
    )


def _signed(alert: Alert, notification: Notification | None) -> dict[str, str]:
    if notification is None or not notification.channel.signed_links:
        return {}
    legal: list[Any] = lifecycle.legal_actions(alert.status)
    channel, person = notification.channel_id, notification.recipient_id
    return {
        action.capitalize(): links.url(Link(alert.pk, action, person, channel))
        for action in links.ACTIONS
        if action in legal
    }
