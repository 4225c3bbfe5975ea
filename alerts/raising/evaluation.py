"""One pass: what is counted held against every promise, and the alerts brought in line."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection
from django.utils import timezone

from alerts.models import AlertType
from alerts.raising import following, probing, silent
from alerts.raising.passing import Pass, fingerprint, still_open
from alerts.raising.steady import Open
from alerts.triage import lifecycle, settling
from slas import compliance, evaluating, objectives
from slas.compliance import Finding
from slas.objectives import Objective
from slas.recent import Pair

# Two whole passes at once would only do the same work twice.
LOCK = 0x45564C53
# Whoever opened these closes them.
_OF_NO_PROMISE = (
    AlertType.NO_DATA,
    AlertType.PROBE_FAILED,
    AlertType.SELF,
    AlertType.EXTERNAL,
)


def evaluate(now: datetime | None = None, committed_at: datetime | None = None) -> Pass | None:
    """Judge every objective and bring the alerts in line; None while another such pass runs.

    ``committed_at``: since when rows may wait for it; alerts that open keep that. Repeatable: a
    second pass over the same rows opens nothing new.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        try:
            return _evaluate(now, committed_at)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def news(now: datetime | None = None, committed_at: datetime | None = None) -> Pass:
    """Judge what came in alone: it may break a promise at once.

    All else changes with time alone, and waits for a whole pass, beside which this may run:
    whoever judged later has the say (following).
    """
    changes = evaluating.refresh(now or timezone.now(), light_alone=True)
    done = Pass(committed_at=committed_at, left=changes.left)
    if changes.pairs:
        # What was counted may be younger than the beginning.
        now = now or timezone.now()
        _judge(evaluating.promised_to(changes.pairs), now, done, changes.pairs)
        settling.fire_due(now)
    return done


def _evaluate(now: datetime | None, committed_at: datetime | None) -> Pass:
    done = Pass(committed_at=committed_at)
    evaluating.refresh(now or timezone.now())
    now = now or timezone.now()
    promised = objectives.enabled()
    done.resolved = _close_unpromised(promised)
    findings = _judge(promised, now, done)
    silent.follow(findings, done, now)
    probing.follow(promised, done, now)
    settling.fire_due(now)
    return done


def _judge(
    promised: Collection[Objective], now: datetime, done: Pass, only: Collection[Pair] | None = None
) -> list[Finding]:
    found = Open(done)
    findings = evaluating.evaluate(promised, now, only, found.steady)
    done.findings = len(findings)
    compliance.record(findings)
    following.follow(findings, done, found)
    return findings


def _close_unpromised(promised: Iterable[Objective]) -> int:
    """Resolve alerts of promises that were disabled, deleted or moved to another metric.

    No evaluation will ever find them kept again.
    """
    by_key = {objective.key: objective for objective in promised}
    closed = 0
    # What is of no promise ends where it comes from.
    promises = still_open().exclude(alert_type__in=_OF_NO_PROMISE).exclude(objective="")
    for alert in promises.only("pk", "objective", "client_id", "fingerprint"):
        objective = by_key.get(alert.objective)
        if objective is None or fingerprint(objective, alert.client_id) != alert.fingerprint:
            note = "No longer promised in this form: the promise was disabled, deleted or changed."
            closed += lifecycle.resolve_recovered(alert.pk, note)
    return closed
