"""From committed rows to alerts in one go: roll up, count, judge.

A nudge from ingestion judges what came in. Beat's tick does that as well, and then judges
everything, and so finds what no nudge told. Whole passes take long where there are many
promises: they keep nobody waiting who was nudged (raising.following has who has the say).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import OperationalError, connection, transaction

from alerts.raising import evaluation
from alerts.raising.passing import Pass
from metrics import nudge

LOCK = 0x50495045
WAIT_MS = 2_000


def run(*, news_alone: bool = False) -> Pass | None:
    """Bring alerts in line with what is committed; None when another run does just that."""
    if news_alone:
        return _news()
    since = nudge.waiting()
    news = _news()
    done = evaluation.evaluate(committed_at=_time(since))
    return done and done.with_(news)


def _news() -> Pass | None:
    """Judge what came in. Two at once would do the same work twice: the second waits for the
    first's end, as its rows may have come after the first had looked.
    """
    with _alone() as alone:
        if not alone:
            return None
        began = time.process_time()
        done = evaluation.news(committed_at=_time(nudge.take()))
        if not (done.opened or done.updated):
            # What opening an alert takes is no reason to look less often.
            nudge.took(time.process_time() - began)
    if done.left:
        nudge.nudger.given()
    return done


def _time(since: float | None) -> datetime | None:
    """When the oldest rows that wait were committed: the time to an alert is never understated."""
    return None if since is None else datetime.fromtimestamp(since, UTC)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other judges what came in, or its end was seen within WAIT_MS."""
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
