"""The portal's own promises as metric rows of the client ``platform``, so that they are judged."""

from datetime import datetime, timedelta

from accounts.models import PLATFORM, Client
from aiosmon import pulse
from alerts.delivery import slo
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.probes.base import PLATFORM_COMPONENT
from metrics.units import Unit

SERVICE = "aiosmon"
# The figures of the front page are made by these passes.
_MAKERS = ("roll_up", "evaluation")


def report(now: datetime) -> int:
    """Store the rows that are due; return how many.

    Each alert's processing time once (its row's event_id follows from the alert), and
    how old the front page's figures are now.
    """
    platform = Client.objects.get(code=PLATFORM)
    rows = slo.processing_rows(platform.pk, SERVICE, now)
    age = figures_age(now)
    if age is not None:
        rows.append(_refresh_row(platform.pk, age, now))
    return store(rows, synthetic=True)


def figures_age(now: datetime) -> timedelta | None:
    """Since the older of the passes that make the front page's figures.

    None while one is stale or was never seen: that has an alert of its own, and
    after a start it says nothing about refreshing.
    """
    found = pulse.seen()
    times = [found.get(name) for name in _MAKERS]
    known = [at for at in times if at is not None and not pulse.is_stale(at, now)]
    return now - min(known) if len(known) == len(times) else None


def _refresh_row(client_id: int, age: timedelta, now: datetime) -> Row:
    return Row(
        metric_name="dashboard_refresh_time",
        metric_category="system_health",
        metric_value=max(0.0, age.total_seconds()),
        measurement_unit=Unit.SECONDS,
        component=PLATFORM_COMPONENT,
        service_name=SERVICE,
        client_id=client_id,
        timestamp=now,
    )
