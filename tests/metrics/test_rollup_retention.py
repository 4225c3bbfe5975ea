"""Minute roll-ups past their retention are forgotten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client
from metrics import rollups, tasks
from metrics.models import MinuteRollup

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolled_up(acme: Client, make_rows: Callable[..., Any], settings: Any) -> None:
    """A minute just within the retention, and one just past it."""
    settings.MINUTE_RETENTION_DAYS = 2
    for hours in (47, 49):
        make_rows(acme, [100], timestamp=timezone.now() - timedelta(hours=hours))
    rollups.roll_up_all()


def test_it_forgets_the_minutes_past_the_retention_only(rolled_up: None) -> None:
    assert rollups.forget_old(timezone.now()) == 1
    assert MinuteRollup.objects.get().minute > timezone.now() - timedelta(days=2)


def test_the_upkeep_forgets_them_too(rolled_up: None) -> None:
    assert tasks.maintain()["minutes_forgotten"] == 1
    assert MinuteRollup.objects.count() == 1
