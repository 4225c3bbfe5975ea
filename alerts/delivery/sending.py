"""Sends what is due: claimed by a lease, outside of any transaction, tried again until an end.

Each channel is drained by one worker thread at a time, so one that hangs costs
one thread and delays no other. After a failure a channel is left alone for a
while; what waits for it stays due.
"""

import logging
import os
import random
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from alerts.delivery import messages, sealing, targets
from alerts.delivery.channels.base import Answer, Parcel
from alerts.delivery.channels.registry import KINDS
from alerts.models import Channel, Notification
from metrics import commits

logger = logging.getLogger(__name__)

State = Notification.Status
LOCK = 0x53454E44
# About two hours; then it is a dead letter, which a person can send again.
MOST_ATTEMPTS = 16
# What the channel refuses for good it would refuse for ever; settings may be mended meanwhile.
MOST_REFUSALS = 3
FIRST_SECONDS, LONGEST_SECONDS = 2.0, 900.0
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 15.0
# What a send may take beside its timeout before its worker counts as dead.
LEASE_MARGIN = timedelta(seconds=5)
# One task's share, so that a busy channel lets others have the thread.
TASK_SPAN = timedelta(seconds=60)

# What can be sent now: due, and no older one of the same alert stands before it. What waits
# for hours stands before nothing.
_READY = """
    (
        (n.status = 'waiting' AND n.due_at <= %(now)s)
        OR (n.status = 'leased' AND n.lease_until < %(now)s)
    ) AND NOT EXISTS (
        SELECT FROM notifications AS older
        WHERE older.alert_id = n.alert_id AND older.channel_id = n.channel_id
            AND older.recipient_id IS NOT DISTINCT FROM n.recipient_id AND older.id < n.id
            AND (older.status = 'leased' OR (older.status = 'waiting' AND older.held = ''))
    )
"""
_CLAIM = f"""
UPDATE notifications SET
    status = 'leased', attempts = attempts + 1, lease_owner = %(owner)s, lease_until = %(until)s
WHERE id = (
    SELECT id FROM notifications AS n WHERE n.channel_id = %(channel)s AND {_READY}
    ORDER BY n.due_at, n.id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""  # noqa: S608  # no values but the parameters
_CHANNELS = f"""
SELECT c.id FROM channels AS c
WHERE c.enabled AND (c.paused_until IS NULL OR c.paused_until <= %(now)s)
    AND EXISTS (SELECT FROM notifications AS n WHERE n.channel_id = c.id AND {_READY})
ORDER BY c.failures DESC, c.id
"""  # noqa: S608


def channels_due(now: datetime | None = None) -> list[int]:
    """The channels that have something to send now, those that work best last."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANNELS, {"now": now or timezone.now()})
        return [pk for (pk,) in cursor.fetchall()]


def send_due(channel_id: int) -> int:
    """Send what is due on a channel, one after another; return how many it took.

    While another worker does, this one leaves; whoever sends looks once more
    after letting go.
    """
    sent, ends = 0, timezone.now() + TASK_SPAN
    while timezone.now() < ends:
        with _alone(channel_id) as alone:
            if not alone:
                return sent
            while timezone.now() < ends and send_next(channel_id):
                sent += 1
        if channel_id not in channels_due():
            break
    return sent


def send_next(channel_id: int, now: datetime | None = None) -> bool:
    """Claim one and send it; False when there is none, or the channel has to rest."""
    now = now or timezone.now()
    channel = Channel.objects.filter(pk=channel_id, enabled=True).first()
    if channel is None or (channel.paused_until is not None and channel.paused_until > now):
        return False
    row = _claim(channel, now)
    if row is None:
        return False
    if row.attempts > MOST_ATTEMPTS:
        # Its worker died each time, perhaps of it.
        answer = Answer(False, "No try ever came to an end.", permanent=True)
    else:
        answer = deliver(row)
    _record(row, answer)
    return True


def deliver(row: Notification) -> Answer:
    """Hand one notification to its channel; every failure is an answer too."""
    try:
        message = messages.of(row)
        return hand_over(row.channel, message, str(row.key), row.event_id, row.recipient)
    except Exception as error:
        # Whatever it is, the others must go on.
        logger.exception("a notification failed", extra={"notification": row.pk})
        return Answer(False, f"{type(error).__name__} in the portal; its log has more.")


def hand_over(
    channel: Channel,
    message: messages.Message,
    key: str,
    event_id: int | None = None,
    recipient: User | None = None,
) -> Answer:
    """Send a message on a channel and return what that said."""
    try:
        parcel = Parcel(
            message=message,
            secrets=sealing.unseal(channel),
            key=key,
            event_id=event_id,
            recipient=recipient.email if recipient else "",
            receiver=channel.name,
            timeout=float(channel.timeout_seconds),
        )
        return KINDS[channel.kind].send(parcel)
    except (sealing.Unsealable, targets.Refused) as error:
        return Answer(False, str(error), permanent=True)


def test(channel: Channel, by: User) -> Answer:
    """Send a test message now; return the channel's own answer."""
    person = by if channel.for_people else None
    if person is not None and not person.email:
        return Answer(False, "You have no e-mail address to send the test to.", permanent=True)
    return hand_over(channel, messages.test(channel, str(by)), str(uuid.uuid4()), None, person)


def resend(rows: "list[int]") -> int:
    """Have dead letters tried again from the start, with the same key; return how many."""
    return Notification.objects.filter(pk__in=rows, status=State.DEAD).update(
        status=State.WAITING, attempts=0, due_at=timezone.now()
    )


def forget_old(now: datetime) -> int:
    """Remove what was settled longer ago than AIOSMON_NOTIFICATION_RETENTION_DAYS."""
    since = now - timedelta(days=settings.NOTIFICATION_RETENTION_DAYS)
    settled = Notification.objects.filter(created_at__lt=since)
    count, _ = settled.exclude(status__in=[State.WAITING, State.LEASED]).delete()
    return count


def backoff(failures: int, first: float, longest: float) -> timedelta:
    """How long to wait after so many failures: doubled each time, a quarter more or less."""
    seconds = min(first * 2 ** min(failures - 1, 30), longest)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311  # no secret


def _claim(channel: Channel, now: datetime) -> Notification | None:
    owner = f"{socket.gethostname()[:50]}/{os.getpid()}/{uuid.uuid4().hex[:12]}"
    values: dict[str, str | int | datetime] = {
        "owner": owner,
        "until": now + timedelta(seconds=channel.timeout_seconds) + LEASE_MARGIN,
        "channel": channel.pk,
        "now": now,
    }
    # A lease or an answer that a crash takes away means a repeat, with the same key.
    with transaction.atomic(), connection.cursor() as cursor:
        commits.need_not_wait()
        cursor.execute(_CLAIM, values)
        found = cursor.fetchone()
    if found is None:
        return None
    related = ("event__alert__client", "event__alert__team", "event__actor", "recipient", "channel")
    return Notification.objects.select_related(*related).get(pk=found[0])


def _record(row: Notification, answer: Answer) -> None:
    """What came of it; a lease that has passed on changes nothing."""
    now = timezone.now()
    ours = Notification.objects.filter(pk=row.pk, status=State.LEASED, lease_owner=row.lease_owner)
    free = {"lease_owner": "", "lease_until": None}
    channel = Channel.objects.filter(pk=row.channel_id)
    if answer.ok:
        with transaction.atomic():
            commits.need_not_wait()
            ours.update(status=State.SENT, handed_at=now, response=answer.text[:500], **free)
            channel.update(failures=0, paused_until=None, last_sent_at=now)
        return
    most = MOST_REFUSALS if answer.permanent else MOST_ATTEMPTS
    wait = backoff(row.attempts, FIRST_SECONDS, LONGEST_SECONDS)
    if answer.retry_after is not None:
        wait = max(wait, timedelta(seconds=min(answer.retry_after, LONGEST_SECONDS)))
    ours.update(
        status=State.DEAD if row.attempts >= most else State.WAITING,
        due_at=now + wait,
        last_error=answer.text[:500],
        **free,
    )
    pause = backoff(row.channel.failures + 1, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
    channel.update(
        failures=F("failures") + 1, paused_until=now + pause, last_error=answer.text[:500]
    )


@contextmanager
def _alone(channel_id: int) -> Iterator[bool]:
    """Whether nobody else drains the channel; holds that until the end, or the connection's.

    Only for order and economy: that nothing is sent twice is the leases' work.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, channel_id])
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        if alone:
            _let_go(channel_id)


def _let_go(channel_id: int) -> None:
    if connection.connection is None or connection.connection.closed:
        # PostgreSQL has let go with the connection.
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, channel_id])
