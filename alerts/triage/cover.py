"""What keeps an alert quiet at a moment: a silence, an approved exclusion, or a graver alert."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import connection
from django.db.models import Q, prefetch_related_objects

from accounts.models import PLATFORM, Client
from alerts import matching
from alerts.models import Alert, Severity, Status
from alerts.triage import silences
from alerts.triage.dependencies import Dependencies
from slas import exclusions
from slas.models import Exclusion

_MOMENT = timedelta(microseconds=1)
_LOUD = (Status.FIRING, Status.ACKNOWLEDGED)
# Mostly there is none of any. Asked at once, in a tenth of the time that reading them takes.
_ANY = """
SELECT EXISTS (SELECT FROM silences WHERE ended_at IS NULL AND ends_at > %s),
    EXISTS (SELECT FROM exclusions WHERE status = 'approved' AND coalesce(ends_at > %s, true)),
    EXISTS (SELECT FROM ai_performance_alerts
            WHERE severity = 'critical' AND status IN ('firing', 'acknowledged'))
"""


@dataclass(frozen=True)
class Reason:
    """Why nobody is told."""

    by: str  # "silence 7", "exclusion 3", "alert 45"
    note: str
    graver: Alert | None = None


class Cover:
    """All that keeps alerts quiet at one moment, loaded once for any number of alerts."""

    def __init__(self, now: datetime, graph: Dependencies | None = None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ANY, [now, now])
            silenced, excluded, inhibited = cursor.fetchone()
        self._silences = silences.active(now) if silenced else []
        self._exclusions = _exclusions(now) if excluded else []
        self._graver = _graver() if inhibited else []
        self._graph = graph or Dependencies()

    def prepare(self, alerts: Sequence[Alert]) -> None:
        """Read at once what ``of`` would read for each."""
        if self._silences:
            prefetch_related_objects(alerts, "client", "team")

    @cached_property
    def _platform(self) -> int | None:
        return Client.objects.filter(code=PLATFORM).values_list("pk", flat=True).first()

    def of(self, alert: Alert) -> Reason | None:
        """What keeps the alert quiet; None: nothing."""
        return self._silence(alert) or self._exclusion(alert) or self._inhibition(alert)

    def add(self, alert: Alert) -> None:
        """Count in an alert that has just come into being, the last that did."""
        if alert.severity == Severity.CRITICAL and alert.status in _LOUD:
            self._graver.append(alert)

    def _silence(self, alert: Alert) -> Reason | None:
        if not self._silences:
            return None
        facts = matching.facts(alert)
        for active in self._silences:
            if active.covers(alert, facts):
                one = active.silence
                return Reason(f"silence {one.pk}", f"{one} by {one.owner}: {one.reason}")
        return None

    def _exclusion(self, alert: Alert) -> Reason | None:
        for one in self._exclusions:
            if (
                one.client_id in (None, alert.client_id)
                and one.component in ("", alert.component)
                and one.objective in ("", alert.objective)
            ):
                return Reason(f"exclusion {one.pk}", f"{one}: {one.reason}")
        return None

    def _inhibition(self, alert: Alert) -> Reason | None:
        """A critical alert of what the alert's component depends on, for the same client.

        What is wrong with the platform is wrong for every client.
        """
        if not self._graver or alert.severity == Severity.CRITICAL:
            return None
        above = self._graph.upstream(alert.component) - {alert.component}
        for graver in self._graver:
            if graver.component in above and (
                graver.client_id in (alert.client_id, self._platform)
            ):
                note = f"Alert #{graver.pk} of {graver.component}, which it depends on, is critical"
                return Reason(f"alert {graver.pk}", f"{note}.", graver)
        return None


def _exclusions(now: datetime) -> list[Exclusion]:
    approved = Exclusion.objects.filter(
        Q(ends_at__gt=now) | Q(ends_at=None),
        status=Exclusion.Status.APPROVED,
        starts_at__lte=now,
    )
    return [
        one for one in approved.order_by("pk") if exclusions.occurrences(one, now, now + _MOMENT)
    ]


def _graver() -> list[Alert]:
    """One that is kept quiet itself keeps nothing quiet: then nobody would hear of any."""
    return list(
        Alert.objects.filter(severity=Severity.CRITICAL, status__in=_LOUD)
        .only("pk", "component", "client_id", "severity", "status", "incident__title")
        .select_related("incident")
        .order_by("pk")
    )
