"""Several workers at once, and one that dies amid its step; committed for real."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from alerts.delivery import escalation
from alerts.models import Alert, AlertEvent, EscalationRun, Incident
from alerts.triage import lifecycle

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
MINUTE = timedelta(minutes=1)
Make = Callable[..., Any]
Together = Callable[..., list[Any]]


def steps_told() -> list[tuple[int, int, int]]:
    events = AlertEvent.objects.filter(kind="paged")
    return sorted((e.alert_id, e.data["step"], e.data["round"]) for e in events)


def test_four_workers_tell_each_step_of_thirty_alerts_once(
    fired: Make, make_policy: Make, ada: User, bob: User, together: Together
) -> None:
    make_policy(
        (1, {"whom": "person", "user": ada}), (1, {"whom": "person", "user": bob}), repeats=1
    )
    now = timezone.now()
    alerts = [fired(fired_at=now) for _ in range(30)]
    for minute in range(1, 5):
        together(4, escalation.tick, now + minute * MINUTE)
    assert steps_told() == sorted((a.pk, s, r) for a in alerts for s in (1, 2) for r in (1, 2))
    assert EscalationRun.objects.filter(taken=4, ended_at__isnull=False).count() == 30


def test_two_workers_tell_an_incident_once(
    fired: Make, make_policy: Make, ada: User, together: Together
) -> None:
    make_policy((0, {"whom": "person", "user": ada}))
    now = timezone.now()
    for _ in range(5):
        incident = Incident.objects.create(title="Core", component="cognitive_core")
        for _one in range(4):
            fired(incident=incident, fired_at=now)
    together(4, escalation.tick, now)
    told = AlertEvent.objects.filter(kind="paged").values_list("alert__incident", flat=True)
    assert sorted(told) == sorted(Incident.objects.values_list("pk", flat=True))


def test_the_step_of_a_worker_that_died_is_taken_over(
    fired: Make, make_policy: Make, ada: User
) -> None:
    make_policy((0, {"whom": "person", "user": ada}))
    now = timezone.now()
    fired(fired_at=now)
    escalation._start(now)
    given = connection.settings_dict
    with psycopg.connect(
        host=given["HOST"],
        port=given["PORT"],
        dbname=given["NAME"],
        user=given["USER"],
        password=given["PASSWORD"],
    ) as worker:
        worker.execute("SELECT * FROM escalation_runs FOR UPDATE")
        (pid,) = worker.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        assert escalation.tick(now) == 0  # somebody else is at it
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert escalation.tick(now) == 1
        worker.close()
    assert len(steps_told()) == 1


def test_who_acknowledges_at_the_same_moment_is_never_passed_over(
    fired: Make, make_policy: Make, ada: User, together: Together
) -> None:
    make_policy((0, {"whom": "person", "user": ada}))

    def either(jobs: list[Callable[[], Any]]) -> Any:
        return jobs.pop()()

    for _ in range(8):
        now = timezone.now()
        alert: Alert = fired(fired_at=now)
        escalation._start(now)
        jobs: list[Callable[[], Any]] = [
            lambda at=now: escalation.tick(at),
            lambda pk=alert.pk: lifecycle.acknowledge(pk, acting_user=ada, version=1),
        ]
        together(2, either, jobs)
        # In the timeline's order: nobody is paged after the acknowledgement.
        kinds = [*alert.events.order_by("pk").values_list("kind", flat=True)]
        assert kinds in (["acknowledged"], ["paged", "acknowledged"])
        escalation._end_stale(timezone.now())
