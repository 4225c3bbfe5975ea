"""Stored schedules: who is on call, who may take over, and what is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from accounts.roles import ADMINISTRATOR, RESPONDER, VIEWER
from alerts.delivery import oncall
from alerts.delivery.oncall import Refused
from alerts.models import OnCallOverride, OnCallSchedule
from tests.alerts.oncall.conftest import MONDAY, add_rotation

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def take_over(acting: User, schedule: OnCallSchedule, user: User, **fields: Any) -> OnCallOverride:
    now = timezone.now()
    span = {"starts_at": now + HOUR, "ends_at": now + 5 * HOUR, "reason": "Swap"}
    return oncall.request_override(
        acting_user=acting, schedule=schedule, user=user, **{**span, **fields}
    )


def test_the_stored_rotation_says_who_is_on_call(
    core: OnCallSchedule, ada: User, bob: User
) -> None:
    assert oncall.on_call(core, MONDAY - HOUR) is None
    assert oncall.on_call(core, MONDAY) == ada
    assert oncall.on_call(core, MONDAY + timedelta(days=7)) == bob


def test_plans_take_a_fixed_number_of_queries(
    core: OnCallSchedule, ada: User, django_assert_num_queries: Any
) -> None:
    for number in range(4):
        other = OnCallSchedule.objects.create(name=f"Other {number}", team=core.team)
        add_rotation(other, ada)
    with django_assert_num_queries(4):
        assert len(oncall.plans(OnCallSchedule.objects.all(), MONDAY)) == 5


def test_an_override_holds_until_it_is_withdrawn(
    core: OnCallSchedule, ada: User, make_user: Callable[..., User]
) -> None:
    cyd = make_user(RESPONDER, username="cyd")
    now = timezone.now()
    override = take_over(ada, core, cyd, starts_at=now - HOUR, ends_at=now + HOUR)
    assert oncall.on_call(core, timezone.now()) == cyd
    assert override.starts_at >= now  # the past is not rewritten
    during = timezone.now()
    oncall.withdraw_override(override.pk, acting_user=ada)
    assert oncall.on_call(core, timezone.now()) != cyd
    assert oncall.on_call(core, during) == cyd
    with pytest.raises(Refused, match="withdrawn"):
        oncall.withdraw_override(override.pk, acting_user=ada)


def test_one_that_is_withdrawn_before_it_begins_never_held(
    core: OnCallSchedule, ada: User, bob: User
) -> None:
    override = take_over(ada, core, bob)
    oncall.withdraw_override(override.pk, acting_user=bob)
    assert not oncall.plan(core, timezone.now()).covers


@pytest.mark.parametrize(
    ("role", "member", "allowed"),
    [
        (RESPONDER, True, True),
        (RESPONDER, False, False),
        (VIEWER, True, False),
        (ADMINISTRATOR, False, True),
    ],
)
def test_members_who_respond_and_administrators_change_who_is_on_call(
    core: OnCallSchedule, ada: User, make_user: Any, role: str, member: bool, allowed: bool
) -> None:
    user = make_user(role)
    if member:
        core.team.members.add(user)
    assert oncall.may_override(user, core) == allowed
    if not allowed:
        with pytest.raises(Refused, match="Only members of Core"):
            take_over(user, core, ada)
        override = take_over(ada, core, ada)
        with pytest.raises(Refused, match="Only members of Core"):
            oncall.withdraw_override(override.pk, acting_user=user)


def test_who_is_limited_to_some_clients_sees_their_teams_schedules(
    core: OnCallSchedule, acme: Any, make_user: Callable[..., User]
) -> None:
    outsider = make_user(RESPONDER, clients=[acme])
    assert not oncall.visible(outsider).exists()
    core.team.members.add(outsider)
    assert [*oncall.visible(outsider)] == [core]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [(2, 1, "after the start"), (-3, -1, "is over"), (1, 24 * 91, "90 days at most")],
)
def test_a_time_that_makes_no_sense_is_refused(
    core: OnCallSchedule, ada: User, start: int, end: int, message: str
) -> None:
    now = timezone.now()
    with pytest.raises(Refused, match=message):
        take_over(ada, core, ada, starts_at=now + start * HOUR, ends_at=now + end * HOUR)


def test_who_is_not_active_is_not_put_on_call(core: OnCallSchedule, ada: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    bob.refresh_from_db()
    with pytest.raises(Refused, match="not active"):
        take_over(ada, core, bob)
    assert oncall.on_call(core, MONDAY + timedelta(days=7)) is None


def test_two_rotations_never_share_a_layer(core: OnCallSchedule, ada: User) -> None:
    with pytest.raises(IntegrityError, match="one_rotation_a_layer"):
        add_rotation(core, ada)
