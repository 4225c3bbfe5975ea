"""Alerts that nobody takes on are told to further people, step by step.

A run is one alert's way through a policy for one time that it fired: (alert,
fired_at) is unique, so that acknowledging stops it and every new firing (an
acknowledgement that ended, a reopening) begins anew, whoever saw what first.
Runs follow the alerts' stored state tick by tick; nothing else has to call here.

A step is one transaction that locks the run, looks at the alert again, writes the
PAGED event and moves the run on. It sends nothing, so the lock is all the lease it
needs: a worker that dies takes its lock along, and the next one finds the step due.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from alerts import matching
from alerts.delivery import oncall
from alerts.models import (
    Alert,
    AlertEvent,
    EscalationPolicy,
    EscalationRun,
    EscalationStep,
    Severity,
    Status,
)
from alerts.triage import people

logger = logging.getLogger(__name__)
# Of one tick: a storm must not keep a worker for minutes.
MOST_STEPS, MOST_STARTS = 500, 500
# How long a run waits that a graver alert of the same incident speaks for.
WAIT = timedelta(seconds=30)
AGENT = "escalation"
_LOCK = 0x45534341  # with an incident's id: its runs take their steps one after another


def tick(now: datetime) -> int:
    """Begin, end and advance all runs that ask for it; return how many steps were taken."""
    _end_stale(now)
    _start(now)
    taken = 0
    while taken < MOST_STEPS and _take_one(now):
        taken += 1
    return taken


def policy_for(alert: Alert, policies: Iterable[EscalationPolicy]) -> EscalationPolicy | None:
    """The first of the policies, in their order, that is about this alert."""
    facts = matching.facts(alert)
    ranks = list(Severity.values)
    for policy in policies:
        grave = ranks.index(alert.severity) >= ranks.index(policy.least_severity)
        if grave and matching.matches(policy.matchers, facts):
            return policy
    return None


def _firing() -> QuerySet[Alert]:
    return Alert.objects.filter(status=Status.FIRING, fired_at__isnull=False)


def _end_stale(now: datetime) -> None:
    """End the runs whose alert no longer fires as it did when they began."""
    same = _firing().filter(pk=OuterRef("alert"), fired_at=OuterRef("fired_at"))
    stale = EscalationRun.objects.filter(~Exists(same), ended_at__isnull=True)
    # Looked up first: the reason is in the alert's row, which an UPDATE can't read here.
    for pk, status in stale.values_list("pk", "alert__status"):
        why = "Fired again" if status == Status.FIRING else Status(status).label
        _end(EscalationRun.objects.filter(pk=pk), now, why)


def _end(runs: QuerySet[EscalationRun], now: datetime, why: str) -> None:
    runs.filter(ended_at__isnull=True).update(ended_at=now, due_at=None, ended_why=why)


def _start(now: datetime) -> None:
    """Begin a run for every firing alert that has none for this firing and has a policy."""
    policies = list(
        EscalationPolicy.objects.filter(enabled=True, steps__isnull=False)
        .distinct()
        .prefetch_related("steps")
    )
    if not policies:
        return
    begun = EscalationRun.objects.filter(alert=OuterRef("pk"), fired_at=OuterRef("fired_at"))
    ranks = list(Severity.values)
    floor = min(ranks.index(policy.least_severity) for policy in policies)
    # Not cut short: alerts that no policy matches are found again at every tick.
    fresh = (
        _firing()
        .filter(~Exists(begun), severity__in=ranks[floor:])
        .select_related("client", "team")
        .defer("evidence", "impact", "alert_message", "recommended_action")
        .order_by("fired_at")
    )
    runs: list[EscalationRun] = []
    for alert in fresh.iterator():
        if len(runs) == MOST_STARTS:
            break
        policy = policy_for(alert, policies)
        if policy is not None and alert.fired_at is not None:
            due = alert.fired_at + timedelta(minutes=policy.steps.all()[0].after_minutes)
            runs.append(
                EscalationRun(
                    alert=alert, fired_at=alert.fired_at, policy=policy, due_at=due, started_at=now
                )
            )
    # Two ticks at once: who comes second finds the run there.
    EscalationRun.objects.bulk_create(runs, ignore_conflicts=True)


def _take_one(now: datetime) -> bool:
    """Take one due step; False when none is left that nobody else is taking."""
    with transaction.atomic():
        run = (
            EscalationRun.objects.select_for_update(skip_locked=True)
            .filter(ended_at__isnull=True, due_at__lte=now)
            .order_by("due_at", "pk")
            .first()
        )
        if run is None:
            return False
        try:
            with transaction.atomic():
                _advance(run, now)
        except Exception:
            # One run that can't be handled must not hold up all others.
            logger.exception("escalation failed", extra={"run": run.pk})
            EscalationRun.objects.filter(pk=run.pk).update(due_at=now + WAIT)
        return True


def _advance(run: EscalationRun, now: datetime) -> None:
    """The step of a run whose row is locked."""
    incident = Alert.objects.values_list("incident_id", flat=True).get(pk=run.alert_id)
    if incident is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK << 32 | incident % 2**32])
    # After the lock: whoever acknowledges meanwhile was first, or waits for our commit.
    locked = Alert.objects.select_for_update(of=("self",)).select_related("client")
    alert = locked.get(pk=run.alert_id)
    this = EscalationRun.objects.filter(pk=run.pk)
    if alert.status != Status.FIRING or alert.fired_at != run.fired_at:
        _end(this, now, Status(alert.status).label)
        return
    policy = run.policy
    if policy is None or not policy.enabled:
        _end(this, now, "The policy was disabled or deleted")
        return
    steps = list(policy.steps.select_related("schedule", "user", "team"))
    if run.taken >= len(steps) * (1 + policy.repeats):
        _end(this, now, "All steps were taken")
        return
    if _is_spoken_for(run, alert):
        this.update(due_at=now + WAIT)
        return
    told = _tell(run, alert, policy, steps, now)
    _move_on(run, policy, steps, now, told=told)


def _is_spoken_for(run: EscalationRun, alert: Alert) -> bool:
    """Whether people know of the incident by another of its alerts that is no milder.

    One cause is told once: by the run that told somebody first, or not at all while
    somebody has taken such an alert on.
    """
    if alert.incident_id is None:
        return False
    ranks = list(Severity.values)
    others = Alert.objects.filter(
        incident=alert.incident_id, severity__in=ranks[ranks.index(alert.severity) :]
    ).exclude(pk=alert.pk)
    if others.filter(status=Status.ACKNOWLEDGED).exists():
        return True
    spoke = EscalationRun.objects.filter(
        alert=OuterRef("pk"), fired_at=OuterRef("fired_at"), taken__gt=0
    )
    if run.taken:  # both have: the older run goes on
        spoke = spoke.filter(pk__lt=run.pk)
    return others.filter(Exists(spoke), status=Status.FIRING).exists()


def _move_on(
    run: EscalationRun,
    policy: EscalationPolicy,
    steps: Sequence[EscalationStep],
    now: datetime,
    *,
    told: bool,
) -> None:
    taken = run.taken + 1
    this = EscalationRun.objects.filter(pk=run.pk)
    if taken >= len(steps) * (1 + policy.repeats):
        this.update(taken=taken, due_at=None, ended_at=now, ended_why="All steps were taken")
        return
    # A step that reached nobody is no reason to wait for the next; a whole round is one.
    at_once = not told and taken % len(steps)
    minutes = 0 if at_once else steps[taken % len(steps)].after_minutes
    this.update(taken=taken, due_at=now + timedelta(minutes=minutes))


def _tell(
    run: EscalationRun,
    alert: Alert,
    policy: EscalationPolicy,
    steps: Sequence[EscalationStep],
    now: datetime,
) -> bool:
    """Write the step's PAGED event; False when there was nobody to tell."""
    number = run.taken % len(steps)
    step = steps[number]
    found = [user for user in _whom(step, now) if user.is_active and people.may_see(user, alert)]
    minutes = int((now - run.fired_at).total_seconds() // 60)
    names = ", ".join(str(user) for user in found) or "nobody could be told"
    reason = f"Not acknowledged for {minutes} min: {_role(step)}, {names}."
    people.record(
        alert,
        AlertEvent.Kind.PAGED,
        agent=AGENT,
        note=reason,
        data={
            "users": [user.pk for user in found],
            "step": number + 1,
            "round": run.taken // len(steps) + 1,
            "policy": policy.pk,
            "policy_name": policy.name,
            "run": run.pk,
            "whom": step.whom,
            "schedule": step.schedule_id,
            "reason": reason,
        },
    )
    if not found:
        logger.warning("escalation reached nobody", extra={"alert": alert.pk, "step": step.pk})
    return bool(found)


def _whom(step: EscalationStep, now: datetime) -> list[User]:
    if step.whom == EscalationStep.Whom.ON_CALL and step.schedule is not None:
        person = oncall.on_call(step.schedule, now)
        return [person] if person else []
    if step.whom == EscalationStep.Whom.TEAM and step.team is not None:
        return list(step.team.members.order_by("pk"))
    return [step.user] if step.user else []


def _role(step: EscalationStep) -> str:
    if step.schedule is not None:
        return f"on call in {step.schedule}"
    if step.team is not None:
        return f"team {step.team}"
    return EscalationStep.Whom(step.whom).label.lower()
