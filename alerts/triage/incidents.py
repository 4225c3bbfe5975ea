"""Which incident an alert that fires belongs to, and where its cause is taken to be."""

import math
from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import Q

from alerts.models import Alert, Incident
from alerts.triage.dependencies import Dependencies
from metrics.models import Component
from slas import names


class Incidents:
    """The incidents that alerts can join at a moment, read once for any number of alerts.

    Use it under ``grouping.lock()``, which nobody joins without; what has joined counts
    for the next, and is written by ``store``.
    """

    def __init__(self, now: datetime, graph: Dependencies) -> None:
        self._now, self._graph = now, graph
        self._new: list[Incident] = []
        self._joined: dict[int, Incident] = {}
        self._moved: dict[int, Incident] = {}

    def join(self, alert: Alert, now: datetime) -> bool:
        """Set the alert's incident; whether others were in it before."""
        incident = self._related(alert, now)
        if incident is None:
            alert.incident = Incident(
                title=self._title(alert), component=alert.component, opened_at=now, latest_at=now
            )
            self._new.append(alert.incident)
            return False
        alert.incident = incident
        incident.latest_at, incident.closed_at = now, None
        # It is now taken to be at what the others depend on.
        is_cause = alert.component in self._graph.upstream(incident.component)
        if is_cause:
            incident.component, incident.title = alert.component, self._title(alert)
        if incident.pk is not None:
            self._joined[incident.pk] = incident
            if is_cause:
                self._moved[incident.pk] = incident
        return True

    def latest(self, incident: Incident) -> Incident:
        """The incident as it is by now."""
        return next((one for one in self._known if one.pk == incident.pk), incident)

    def store(self) -> None:
        """Write what has begun and what was joined.

        The UPDATE takes the rows' locks: who closes an incident after its last alert
        (grouping) waits for us and finds ours, or was first and is undone.
        """
        if self._new:
            known = self._known
            Incident.objects.bulk_create(self._new)
            known += self._new
        if self._joined:
            Incident.objects.bulk_update(self._joined.values(), ["latest_at", "closed_at"])
        if self._moved:
            Incident.objects.bulk_update(self._moved.values(), ["component", "title"])
        self._new, self._joined, self._moved = [], {}, {}

    def _related(self, alert: Alert, now: datetime) -> Incident | None:
        """The incident whose cause may be the alert's: of its component first, then the latest."""
        if not alert.component:
            return None
        recent = now - timedelta(seconds=settings.INCIDENT_SPAN_SECONDS)
        found = [
            one
            for one in [*self._known, *self._new]
            if one.latest_at >= recent and self._may_share(one, alert)
        ]
        return max(found, key=lambda one: self._closeness(one, alert)) if found else None

    def _may_share(self, one: Incident, alert: Alert) -> bool:
        return (
            one.component == alert.component
            or one.component in self._graph.upstream(alert.component)
            or alert.component in self._graph.upstream(one.component)
        )

    def _closeness(self, one: Incident, alert: Alert) -> tuple[bool, bool, datetime, float]:
        above = one.component in self._graph.upstream(alert.component)
        # What has no number yet is younger than what has one.
        return one.component == alert.component, above, one.latest_at, one.pk or math.inf

    @cached_property
    def _known(self) -> list[Incident]:
        recent = self._now - timedelta(seconds=settings.INCIDENT_SPAN_SECONDS)
        just_closed = self._now - timedelta(seconds=settings.REOPEN_SECONDS)
        return list(
            Incident.objects.filter(
                Q(closed_at=None) | Q(closed_at__gt=just_closed), latest_at__gte=recent
            ).order_by()
        )

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(Component.objects.values_list("code", "name").order_by())

    def _title(self, alert: Alert) -> str:
        name = self._names.get(alert.component) or alert.component or "No component"
        return f"{name}: {names.in_words(alert.objective or alert.metric_name)}"[:255]
