"""What one channel and person has heard of an incident; triage.grouping says what is news to them.

Another channel's routes may have left alerts of the same incident out.
"""

from django.db.models import Q

from accounts.models import User
from alerts.models import Alert, AlertEvent, Channel, Notification

State, Held = Notification.Status, Notification.Held
# What was told, or will be without anybody's doing.
TOLD = (
    ~Q(status=State.WITHHELD, carrier=None)
    & ~Q(status=State.DEAD)
    & ~Q(status=State.WAITING, held=Held.HOURS)
)


def told(alert: Alert, channel: Channel, recipient: User | None = None) -> list[AlertEvent]:
    """What a channel and person was told of the alert's incident, or of the alert without one."""
    of = {"alert": alert} if alert.incident_id is None else {"alert__incident": alert.incident_id}
    rows = Notification.objects.filter(TOLD, channel=channel, recipient=recipient, **of)
    return [row.event for row in rows.select_related("event__alert") if row.event is not None]
