"""The open alerts: how many, how bad, and the worst of them."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts import visibility
from accounts.models import User
from alerts.admin import badges
from alerts.admin.inbox import ORDER
from alerts.figures import figures
from alerts.models import Alert, Severity
from alerts.raising.wording import worse
from alerts.triage.lifecycle import OPEN
from metrics import formats
from slas import names

MOST = 8


@dataclass(frozen=True)
class Item:
    """One open alert."""

    url: str
    what: str
    severity: SafeString
    status: SafeString
    client: str
    measured: str
    promised: str
    age: str


@dataclass(frozen=True)
class SeverityCount:
    """How many open alerts have one severity."""

    level: str
    label: str
    count: int


@dataclass(frozen=True)
class OpenAlerts:
    """The panel."""

    total: int
    counts: list[SeverityCount]
    worst: dict[str, str]  # component → its worst open severity
    items: list[Item]
    list_url: str

    @property
    def hidden(self) -> int:
        """How many are not listed."""
        return self.total - len(self.items)


def panel(user: User | AnonymousUser, now: datetime) -> OpenAlerts:
    """The open alerts that this person may see, in two queries."""
    visible = visibility.limit(Alert.objects.filter(status__in=OPEN), user)
    grouped = visible.order_by().values_list("component", "severity").annotate(Count("pk"))
    found = [(component, severity, count) for component, severity, count in grouped]
    listed = visible.select_related("client").order_by(*ORDER)[:MOST]
    return OpenAlerts(
        total=sum(count for _component, _severity, count in found),
        counts=_by_severity(found),
        worst=worst_by_component([(component, severity) for component, severity, _n in found]),
        items=[_item(alert, now) for alert in listed],
        list_url=f"{reverse('admin:alerts_alert_changelist')}?status=open",
    )


def worst_by_component(found: list[tuple[str, str]]) -> dict[str, str]:
    """PURE: the worst of each component's severities."""
    worst: dict[str, str] = {}
    for component, severity in found:
        worst[component] = worse(worst.get(component, severity), severity)
    return worst


def _by_severity(found: list[tuple[str, str, int]]) -> list[SeverityCount]:
    counts = dict.fromkeys(reversed(Severity.values), 0)
    for _component, severity, count in found:
        counts[severity] += count
    return [SeverityCount(s, Severity(s).label, count) for s, count in counts.items() if count]


def _item(alert: Alert, now: datetime) -> Item:
    measured, promised = figures(alert)
    return Item(
        url=reverse("admin:alerts_alert_change", args=[alert.pk]),
        what=names.in_words(alert.objective),
        severity=badges.severity(alert.severity),
        status=badges.status(alert.status),
        client=alert.client.name,
        measured=measured,
        promised=promised,
        age=formats.age(now - alert.created_at),
    )
