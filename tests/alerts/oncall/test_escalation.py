"""Steps are taken when due, each once, while the alert fires unanswered; nobody else is told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, User
from alerts.delivery import escalation
from alerts.models import Alert, AlertEvent, EscalationRun, Incident, OnCallSchedule
from alerts.triage import lifecycle

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
Make = Callable[..., Any]


def paged(alert: Alert | None = None) -> list[tuple[list[int], int, int]]:
    """Whom each PAGED event names, its step and its round."""
    events = AlertEvent.objects.filter(kind="paged").order_by("pk")
    if alert is not None:
        events = events.filter(alert=alert)
    return [(e.data["users"], e.data["step"], e.data["round"]) for e in events]


def on_call_now(schedule: OnCallSchedule) -> int:
    from alerts.delivery import oncall

    person = oncall.on_call(schedule, timezone.now())
    assert person is not None
    return person.pk


def test_each_step_is_told_after_its_minutes(
    fired: Make, make_policy: Make, core: OnCallSchedule, ada: User, bob: User, now: datetime
) -> None:
    make_policy(
        (5, {"whom": "on_call", "schedule": core}),
        (10, {"whom": "lead", "user": ada}),
        (0, {"whom": "team", "team": core.team}),
    )
    alert = fired(fired_at=now)
    assert escalation.tick(now + 4 * MINUTE) == 0
    assert escalation.tick(now + 5 * MINUTE) == 1
    assert escalation.tick(now + 14 * MINUTE) == 0
    assert escalation.tick(now + 15 * MINUTE) == 2
    assert paged(alert) == [
        ([on_call_now(core)], 1, 1),
        ([ada.pk], 2, 1),
        ([ada.pk, bob.pk], 3, 1),
    ]
    run = EscalationRun.objects.get()
    assert (run.taken, run.due_at, run.ended_why) == (3, None, "All steps were taken")
    assert escalation.tick(now + 600 * MINUTE) == 0


def test_the_event_says_why_and_waits_for_delivery(
    fired: Make, make_policy: Make, ada: User, now: datetime
) -> None:
    policy = make_policy((7, {"whom": "manager", "user": ada}))
    fired(fired_at=now)
    escalation.tick(now + 7 * MINUTE)
    event = AlertEvent.objects.get(kind="paged")
    assert event.note == "Not acknowledged for 7 min: manager, Ada Lovelace."
    assert (event.data["policy"], event.data["reason"]) == (policy.pk, event.note)
    assert (event.routed_at, event.from_status, event.to_status) == (None, "firing", "firing")


def test_all_steps_are_repeated_as_often_as_the_policy_says(
    fired: Make, make_policy: Make, ada: User, bob: User, now: datetime
) -> None:
    make_policy(
        (1, {"whom": "person", "user": ada}), (1, {"whom": "person", "user": bob}), repeats=1
    )
    fired(fired_at=now)
    for minute in range(1, 10):
        escalation.tick(now + minute * MINUTE)
    assert paged() == [([ada.pk], 1, 1), ([bob.pk], 2, 1), ([ada.pk], 1, 2), ([bob.pk], 2, 2)]


def test_an_acknowledgement_stops_it_and_its_end_begins_anew(
    fired: Make, make_policy: Make, ada: User, now: datetime
) -> None:
    make_policy((5, {"whom": "person", "user": ada}))
    alert = fired(fired_at=now)
    escalation.tick(now)
    alert = lifecycle.acknowledge(
        alert.pk, acting_user=ada, version=1, expires_after=timedelta(seconds=1)
    )
    assert escalation.tick(now + 60 * MINUTE) == 0
    assert EscalationRun.objects.get().ended_why == "Acknowledged"
    assert lifecycle.expire_acknowledgements(timezone.now() + MINUTE) == 1
    again = timezone.now()
    assert escalation.tick(again + 4 * MINUTE) == 0
    assert escalation.tick(again + 6 * MINUTE) == 1
    assert EscalationRun.objects.count() == 2


def test_reopened_it_begins_anew(fired: Make, make_policy: Make, ada: User, now: datetime) -> None:
    make_policy((0, {"whom": "person", "user": ada}))
    alert = fired(fired_at=now)
    assert escalation.tick(now) == 1
    lifecycle.resolve(alert.pk, acting_user=ada, version=1)
    assert escalation.tick(timezone.now()) == 0
    lifecycle.reopen(alert.pk, version=2)
    assert escalation.tick(timezone.now()) == 1


@pytest.mark.parametrize("status", ["pending", "acknowledged", "suppressed", "resolved"])
def test_only_a_firing_alert_is_escalated(
    fired: Make, make_policy: Make, ada: User, now: datetime, status: str
) -> None:
    make_policy()
    fired(status, by=ada)
    assert escalation.tick(now + MINUTE) == 0
    assert not EscalationRun.objects.exists()


def test_what_changed_since_the_tick_began_is_seen_by_the_step(
    fired: Make, make_policy: Make, ada: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_policy()
    alert = fired(fired_at=now)
    start = escalation._start

    def acknowledge_after(at: datetime) -> None:
        start(at)
        lifecycle.acknowledge(alert.pk, acting_user=ada, version=1)

    monkeypatch.setattr(escalation, "_start", acknowledge_after)
    escalation.tick(now + MINUTE)
    assert paged() == []


def test_the_lowest_rank_that_matches_and_is_grave_enough_applies(
    fired: Make, make_policy: Make, ada: User, bob: User, now: datetime
) -> None:
    at_once = [(0, {"whom": "person", "user": ada})]
    other = [{"name": "component", "op": "=", "value": "user_interface"}]
    make_policy(*at_once, rank=1, matchers=other)
    make_policy(*at_once, rank=2, least_severity="critical")
    make_policy(*at_once, rank=3, enabled=False)
    make_policy(rank=4)  # has the steps of a policy that was left without any
    make_policy((0, {"whom": "person", "user": bob}), rank=5)
    escalation.EscalationPolicy.objects.get(rank=4).steps.all().delete()
    fired(severity="high")
    escalation.tick(now + MINUTE)
    assert paged() == [([bob.pk], 1, 1)]


def test_a_gap_on_call_goes_on_to_the_next_step_at_once(
    fired: Make, make_policy: Make, core: OnCallSchedule, ada: User, now: datetime
) -> None:
    core.rotations.all().delete()
    make_policy((0, {"whom": "on_call", "schedule": core}), (30, {"whom": "person", "user": ada}))
    fired(fired_at=now)
    assert escalation.tick(now) == 2
    assert paged() == [([], 1, 1), ([ada.pk], 2, 1)]
    assert "nobody could be told" in AlertEvent.objects.filter(kind="paged").earliest("pk").note


def test_who_may_not_see_the_client_is_not_told(
    fired: Make, make_policy: Make, globex: Client, make_user: Make, now: datetime
) -> None:
    outsider = make_user("Responder", clients=[globex])
    make_policy((0, {"whom": "person", "user": outsider}))
    fired()
    escalation.tick(now + MINUTE)
    assert paged() == [([], 1, 1)]


def test_a_policy_that_is_disabled_ends_what_is_under_way(
    fired: Make, make_policy: Make, ada: User, now: datetime
) -> None:
    policy = make_policy((5, {"whom": "person", "user": ada}))
    fired(fired_at=now)
    escalation.tick(now)
    type(policy).objects.update(enabled=False)
    escalation.tick(now + 5 * MINUTE)
    assert paged() == []
    assert "disabled" in EscalationRun.objects.get().ended_why


def test_of_an_incident_one_alert_speaks_until_it_is_over(
    fired: Make, make_policy: Make, ada: User, now: datetime
) -> None:
    make_policy((0, {"whom": "person", "user": ada}))
    incident = Incident.objects.create(title="Core", component="cognitive_core")
    first = fired(incident=incident, fired_at=now)
    second = fired(incident=incident, fired_at=now + timedelta(seconds=1))
    graver = fired(incident=incident, fired_at=now + timedelta(seconds=2), severity="critical")
    escalation.tick(now + MINUTE)
    assert [len(paged(alert)) for alert in (first, second, graver)] == [1, 0, 1]
    for alert in (first, graver):
        lifecycle.resolve_recovered(alert.pk, "gone")
    escalation.tick(now + 2 * MINUTE)
    assert len(paged(second)) == 1


def test_a_run_that_fails_holds_up_no_other(
    fired: Make, make_policy: Make, ada: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_policy((0, {"whom": "person", "user": ada}))
    broken, sound = fired(fired_at=now), fired(fired_at=now)
    tell = escalation._tell

    def fail_for_one(run: EscalationRun, alert: Alert, *rest: Any) -> bool:
        if alert.pk == broken.pk:
            raise ValueError("broken")
        return tell(run, alert, *rest)

    monkeypatch.setattr(escalation, "_tell", fail_for_one)
    escalation.tick(now)
    assert (paged(broken), len(paged(sound))) == ([], 1)
    monkeypatch.undo()
    escalation.tick(now + MINUTE)
    assert len(paged(broken)) == 1


def test_who_is_due_is_one_look_into_a_partial_index(db: None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM escalation_runs WHERE ended_at IS NULL AND due_at <= now() "
            "ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "escalation_runs_due" in plan
    assert "Sort" not in plan
