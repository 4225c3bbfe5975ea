"""Several at once: threads with connections of their own, committed for real."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client, User
from alerts.models import Alert, AlertEvent
from alerts.raising import evaluation, following, pipeline
from alerts.raising.passing import Pass
from alerts.triage import lifecycle
from alerts.triage.lifecycle import Refused
from slas import compliance, objectives
from slas.compliance import Finding

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
Together = Callable[..., list[Any]]
ROUNDS = 8


def test_two_evaluations_at_once_open_one_alert_each_breach(
    acme: Client, make_rows: Callable[..., Any], together: Together, settings: Any
) -> None:
    settings.REOPEN_SECONDS, settings.FLAP_CHANGES = 0, 2 * ROUNDS + 1
    now = timezone.now()
    make_rows(acme, [4000] * 5, timestamp=now)
    for _ in range(ROUNDS):
        assert any(together(2, evaluation.evaluate, now))
        alert = Alert.objects.get(status="firing")
        assert alert.events.filter(kind="opened").count() == 1
        assert lifecycle.resolve_recovered(alert.pk, "the next round")
    assert Alert.objects.count() == ROUNDS


def test_an_evaluation_leaves_the_field_to_the_one_under_way(
    together: Together, platform: Client
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [evaluation.LOCK])
        assert together(1, evaluation.evaluate) == [None]
        cursor.execute("SELECT pg_advisory_unlock(%s)", [evaluation.LOCK])
    assert together(1, evaluation.evaluate) != [None]


def opened(mark: str, found: Finding) -> int:
    done = Pass()
    following._open([(mark, found)], done)
    return done.opened


def test_news_is_judged_while_a_whole_pass_is_under_way(
    acme: Client, make_rows: Callable[..., Any], together: Together
) -> None:
    evaluation.evaluate()
    make_rows(acme, [4000] * 5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [evaluation.LOCK])
        (done,) = together(1, lambda: pipeline.run(news_alone=True))
        cursor.execute("SELECT pg_advisory_unlock(%s)", [evaluation.LOCK])
    assert done.opened == 1


def test_a_breach_found_twice_at_once_is_opened_by_one(
    acme: Client, make_rows: Callable[..., Any], together: Together
) -> None:
    now = timezone.now()
    make_rows(acme, [4000] * 5, timestamp=now)
    (latency,) = [o for o in objectives.enabled() if o.key == "sla:simple_queries:latency"]
    (found,) = compliance.measure(latency, now - timedelta(minutes=5), now)
    for number in range(ROUNDS):
        assert sorted(together(3, opened, f"mark {number}", found)) == [0, 0, 1]
    assert Alert.objects.count() == ROUNDS
    assert AlertEvent.objects.filter(kind="opened").count() == ROUNDS


def test_of_four_who_resolve_at_once_one_does(
    make_alert: Callable[..., Alert], make_user: Callable[..., User], together: Together
) -> None:
    user = make_user()

    def resolve(alert: Alert) -> bool:
        try:
            lifecycle.resolve(alert.pk, acting_user=user, version=1)
        except Refused:
            return False
        return True

    for _ in range(ROUNDS):
        alert = make_alert()
        assert sorted(together(4, resolve, alert)) == [False, False, False, True]
        assert alert.events.count() == 1
