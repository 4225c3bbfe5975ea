"""A probe's runs, read back from the rows that they stored: one of its kind's metric a run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.db.models import Count, DateTimeField, F, Func, Q, QuerySet, Value
from django.db.models.fields.json import KT

from metrics.models import PerformanceMetric, Probe
from metrics.probes.registry import KINDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Runs:
    """Which rows: those of a probe under the name, client and metric that it has."""

    client_id: int
    probe: str
    metric_name: str

    @classmethod
    def of(cls, probe: Probe) -> Self:
        """Those that the probe stores as it is now."""
        return cls(probe.client_id, probe.name, KINDS[probe.kind].metric_name)

    def rows(self) -> QuerySet[PerformanceMetric]:
        """The rows, newest first, by an index of their own."""
        # Synthetic rows alone are the portal's: a service may name a probe in its metadata.
        found = named(PerformanceMetric.objects.filter(client_id=self.client_id), self.probe)
        return found.filter(metric_name=self.metric_name).order_by("-timestamp", "-id")

    def between(self, since: datetime, until: datetime) -> QuerySet[PerformanceMetric]:
        """The rows from ``since`` to ``until``, both included; newest first."""
        return self.rows().filter(timestamp__range=(since, until))

    def by_step(
        self, since: datetime, until: datetime, step: timedelta
    ) -> dict[datetime, tuple[int, int]]:
        """How many ran and how many of them succeeded, by the start of each step from 1970 on."""
        start = Func(
            Value(step),
            F("timestamp"),
            Value(_EPOCH),
            function="date_bin",
            output_field=DateTimeField(),
        )
        counted = (
            self.rows()
            .filter(timestamp__gte=since, timestamp__lt=until)
            .order_by()
            .annotate(start=start)
            .values_list("start")
            .annotate(total=Count("id"), good=Count("id", filter=Q(success=True)))
        )
        return {at: (total, good) for at, total, good in counted}


def named(rows: QuerySet[PerformanceMetric], probe: str) -> QuerySet[PerformanceMetric]:
    """Those of the rows that a probe of this name stored."""
    return rows.alias(probe=KT("metadata__probe")).filter(synthetic=True, probe=probe)
