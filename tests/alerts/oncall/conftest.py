"""Teams with people on call, and policies that tell them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from accounts.roles import RESPONDER
from alerts.models import (
    EscalationPolicy,
    EscalationStep,
    OnCallSchedule,
    Rotation,
    RotationMember,
)

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def ada(make_user: Callable[..., User]) -> User:
    """Has the first turn."""
    return make_user(RESPONDER, username="ada", first_name="Ada", last_name="Lovelace")


@pytest.fixture
def bob(make_user: Callable[..., User]) -> User:
    """Has the second turn."""
    return make_user(RESPONDER, username="bob", first_name="Bob", last_name="Kahn")


@pytest.fixture
def core(ada: User, bob: User) -> OnCallSchedule:
    """Weekly turns of Ada and Bob since Monday, 2 March 2026, 09:00 UTC."""
    team = Team.objects.create(name="Core")
    team.members.set([ada, bob])
    schedule = OnCallSchedule.objects.create(name="Core, first line", team=team)
    add_rotation(schedule, ada, bob)
    return schedule


def add_rotation(schedule: OnCallSchedule, *people: User, **fields: Any) -> Rotation:
    """A rotation of these people from 2 March 2026 on."""
    defaults = {"name": "Weekly", "starts_on": date(2026, 3, 2), "handover_time": time(9)}
    rotation = Rotation.objects.create(schedule=schedule, **{**defaults, **fields})
    for place, user in enumerate(people, 1):
        RotationMember.objects.create(rotation=rotation, user=user, place=place)
    return rotation


@pytest.fixture
def make_policy(core: OnCallSchedule) -> Callable[..., EscalationPolicy]:
    """``make_policy((5, {"whom": "person", "user": ada}), repeats=1)``; else: on call, at once."""

    def make(*steps: tuple[int, dict[str, Any]], **fields: Any) -> EscalationPolicy:
        defaults = {"name": f"Policy {EscalationPolicy.objects.count()}", "least_severity": "low"}
        policy = EscalationPolicy.objects.create(**{**defaults, **fields})
        on_call = {"whom": "on_call", "schedule": core}
        for place, (minutes, whom) in enumerate(steps or [(0, on_call)], 1):
            EscalationStep.objects.create(policy=policy, place=place, after_minutes=minutes, **whom)
        return policy

    return make


@pytest.fixture
def fired(make_alert: Callable[..., Any]) -> Callable[..., Any]:
    """An alert that began to fire just now."""

    def make(status: str = "firing", **fields: Any) -> Any:
        return make_alert(status, **{"fired_at": timezone.now(), **fields})

    return make
