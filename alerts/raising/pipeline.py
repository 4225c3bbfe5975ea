"""From committed rows to alerts in one go: roll up, count, judge.

A nudge from ingestion starts it, and judges what came in; beat's tick judges everything, and so
finds what no nudge told. Two
at once would do the same work twice: the second waits for the first's end, as
its rows may have come after the first had looked.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import OperationalError, connection, transaction

from alerts.models import Alert
from alerts.raising import evaluation
from metrics import nudge

LOCK = 0x50495045
WAIT_MS = 2_000


def run(*, news_alone: bool = False) -> evaluation.Pass | None:
    """Bring alerts in line with what is committed; None when another run holds on too long."""
    with _alone() as alone:
        if not alone:
            return None
        began, last = time.monotonic(), _last_alert()
        since = nudge.take()
        done = evaluation.evaluate(news_alone=news_alone)
        if done is not None and done.opened and since is not None:
            _remember(last, datetime.fromtimestamp(since, UTC))
        if news_alone and done is not None and not (done.opened or done.updated):
            # What opening an alert takes is no reason to look less often.
            nudge.took(time.monotonic() - began)
        return done


def _last_alert() -> int:
    return Alert.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _remember(last: int, committed_at: datetime) -> None:
    """Keep with the alerts of this run when the oldest rows it was told of were committed.

    So the time from commit to alert is never understated.
    """
    new = Alert.objects.filter(pk__gt=last, data_committed_at=None)
    new.exclude(objective="").update(data_committed_at=committed_at)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other run is under way, or its end was seen within WAIT_MS."""
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(WAIT_MS)])
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != "55P03":
                raise
            yield False
            return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
