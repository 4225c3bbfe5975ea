"""After a person has resolved an alert."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Client, User
from alerts.models import Alert
from alerts.raising import evaluation
from alerts.triage import lifecycle
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]


def _resolve(acting_user: User) -> None:
    alert = Alert.objects.get(status="firing")
    lifecycle.resolve(alert.pk, acting_user=acting_user, version=alert.version)


def test_after_a_person_resolves_the_same_rows_open_nothing(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    _resolve(make_user())
    for seconds in (5, 59, 90, 299):
        evaluation.evaluate(later(now, seconds))
    assert Alert.objects.count() == 1


def test_bad_rows_within_the_grace_open_nothing(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    _resolve(make_user())
    make_rows(acme, [4000] * 5, timestamp=later(now, 30))
    evaluation.evaluate(later(now, 120))
    assert Alert.objects.count() == 1


def test_bad_rows_after_the_grace_open_a_new_alert(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    _resolve(make_user())
    make_rows(acme, [4000] * 5, timestamp=later(now, 90))
    evaluation.evaluate(later(now, 95))
    assert Alert.objects.filter(status="firing").count() == 1
    assert Alert.objects.filter(status="resolved").count() == 1
