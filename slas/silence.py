"""Since when nothing has come for a promise, from where something used to come."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from metrics.models import Emitter
from slas.models import SloVersion

MINUTE = timedelta(minutes=1)
# Both primary keys begin with client and objective: each look-up reads one entry from the end.
_LAST = """
SELECT o.base, max(greatest(m.minute, h.hour)) FROM slos o
LEFT JOIN LATERAL (
    SELECT minute FROM sli_minutes WHERE client_id = %(client)s AND slo_id = o.id
        AND minute < %(end)s ORDER BY minute DESC LIMIT 1) m ON true
LEFT JOIN LATERAL (
    SELECT hour FROM sli_hours WHERE client_id = %(client)s AND slo_id = o.id
        AND hour <= %(end)s - interval '1 hour' ORDER BY hour DESC LIMIT 1) h ON true
WHERE o.client_id IS NULL OR o.client_id = %(client)s
GROUP BY o.base
"""


class Silence:
    """What a client's objectives and reporting services last sent before ``end``."""

    def __init__(self, client_id: int, end: datetime, now: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LAST, {"client": client_id, "end": end})
            self._last: dict[str, datetime | None] = dict(cursor.fetchall())
        self._now = now
        quiet = components(now, client_id=client_id)
        self._services = {component: one.since for (_, component), one in quiet.items()}

    def ever(self, base: str) -> bool:
        """Whether the objective ever had an event of the client."""
        return self._last.get(base) is not None

    def since(self, version: SloVersion, end: datetime, events: int) -> datetime | None:
        """Since when nothing comes for what was promised until ``end``; None: something does.

        A span without ``events`` is silent since the last one before it. Where there were some,
        it is silent now if all services of the component are.
        """
        last = self._last.get(version.slo.base)
        if not events and last is not None:
            return last
        # What services do now says nothing about a span that is over.
        return self._services.get(version.component) if end + MINUTE > self._now else None


@dataclass(frozen=True)
class Quiet:
    """A client's component of which no service reports any more."""

    since: datetime  # the last word
    limit: timedelta  # that has passed since
    services: tuple[str, ...]


def components(now: datetime, **only: int) -> dict[tuple[int, str], Quiet]:
    """Every client's components whose services have all gone quiet; muted ones don't count.

    ``only``: of which emitters, e.g. client_id.
    """
    emitters: dict[tuple[int, str], list[Emitter]] = defaultdict(list)
    for one in Emitter.objects.filter(muted=False, **only).order_by("service_name"):
        emitters[one.client_id, one.component].append(one)
    found = {}
    for key, ones in emitters.items():
        limits = [_limit(one) for one in ones]
        if all(one.last_seen_at + limit < now for one, limit in zip(ones, limits, strict=True)):
            since, limit = max((o.last_seen_at, t) for o, t in zip(ones, limits, strict=True))
            found[key] = Quiet(since, limit, tuple(one.service_name for one in ones))
    return found


def _limit(emitter: Emitter) -> timedelta:
    return timedelta(seconds=emitter.silent_after_seconds or settings.SILENT_AFTER_SECONDS)
