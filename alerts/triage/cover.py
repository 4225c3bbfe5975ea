"""What keeps an alert quiet at a moment: a silence, an approved exclusion, or a graver alert."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import PLATFORM
from alerts import matching
from alerts.models import Alert, Severity, Status
from alerts.triage import silences
from alerts.triage.dependencies import Dependencies
from slas import exclusions
from slas.models import Exclusion

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Reason:
    """Why nobody is told."""

    by: str  # "silence 7", "exclusion 3", "alert 45"
    note: str
    incident_id: int | None = None  # of the graver alert


class Cover:
    """All that keeps alerts quiet at one moment, loaded once for any number of alerts."""

    def __init__(self, now: datetime) -> None:
        self._silences = silences.active(now)
        self._exclusions = [
            one
            for one in Exclusion.objects.filter(
                Q(ends_at__gt=now) | Q(ends_at=None),
                status=Exclusion.Status.APPROVED,
                starts_at__lte=now,
            ).order_by("pk")
            if exclusions.occurrences(one, now, now + _MOMENT)
        ]
        # One that is kept quiet itself keeps nothing quiet: then nobody would hear of any.
        self._graver = list(
            Alert.objects.filter(
                severity=Severity.CRITICAL, status__in=[Status.FIRING, Status.ACKNOWLEDGED]
            )
            .only("pk", "component", "client__code", "incident_id", "severity")
            .select_related("client")
            .order_by("pk")
        )
        self._graph = Dependencies() if self._graver else None

    def of(self, alert: Alert) -> Reason | None:
        """What keeps the alert quiet; None: nothing."""
        return self._silence(alert) or self._exclusion(alert) or self._inhibition(alert)

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
        if self._graph is None or alert.severity == Severity.CRITICAL:
            return None
        above = self._graph.upstream(alert.component) - {alert.component}
        for graver in self._graver:
            same = graver.client_id == alert.client_id or graver.client.code == PLATFORM
            if graver.component in above and same:
                note = f"Alert #{graver.pk} of {graver.component}, which it depends on, is critical"
                return Reason(f"alert {graver.pk}", f"{note}.", graver.incident_id)
        return None
