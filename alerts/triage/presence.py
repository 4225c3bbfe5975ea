"""Who else looks at an alert just now, so that two people don't do the same work."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.models import User
from alerts.models import Presence

# Pages call every 10 s: one lost call makes nobody leave.
GONE_AFTER = timedelta(seconds=25)
FORGOTTEN_AFTER = timedelta(hours=1)
_HERE = """
INSERT INTO alert_presence (alert_id, user_id, since, seen_at, writing)
VALUES (%(alert)s, %(user)s, %(now)s, %(now)s, %(writing)s)
ON CONFLICT (alert_id, user_id) DO UPDATE SET
    since = CASE WHEN alert_presence.seen_at < %(gone)s THEN excluded.since
        ELSE alert_presence.since END,
    seen_at = excluded.seen_at, writing = excluded.writing
"""


@dataclass(frozen=True)
class Other:
    """Somebody else on the page."""

    name: str
    writing: bool


def here(alert_id: int, user: User, now: datetime, *, writing: bool = False) -> None:
    """``user`` has the alert's page open, and perhaps an unsent text on it."""
    with connection.cursor() as cursor:
        cursor.execute(
            _HERE,
            {
                "alert": alert_id,
                "user": user.pk,
                "now": now,
                "gone": now - GONE_AFTER,
                "writing": writing,
            },
        )
    Presence.objects.filter(alert_id=alert_id, seen_at__lt=now - FORGOTTEN_AFTER).delete()


def others(alert_id: int, user: User, now: datetime) -> list[Other]:
    """Who else is there, those first who came first."""
    found = (
        Presence.objects.filter(alert_id=alert_id, seen_at__gte=now - GONE_AFTER)
        .exclude(user=user)
        .select_related("user")
        .order_by("since", "pk")
    )
    return [Other(str(mark.user), mark.writing) for mark in found]
