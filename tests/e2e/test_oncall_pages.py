"""Who is on call and the watched watcher, in a real browser, on every screen."""

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from alerts.models import (
    EscalationPolicy,
    EscalationStep,
    OnCallOverride,
    OnCallSchedule,
    Rotation,
    RotationMember,
)
from tests.e2e.browser import look

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
PAGE = "/admin/on-call/"
Pages = Callable[[str], tuple[Page, list[str]]]


def rotation(schedule: OnCallSchedule, people: list[User], **fields: Any) -> Rotation:
    values = {"name": "Weekly", "starts_on": date(2026, 3, 2), "handover_time": time(9)}
    made = Rotation.objects.create(schedule=schedule, **{**values, **fields})
    for place, user in enumerate(people, 1):
        RotationMember.objects.create(rotation=made, user=user, place=place)
    return made


@pytest.fixture
def schedules(portal: str, people: dict[str, User], make_user: Callable[..., User]) -> Any:
    """Round the clock with an override; office hours with gaps; nobody at all."""
    names = [("Ada", "Lovelace"), ("Grace", "Hopper"), ("Katherine", "Johnson")]
    staff = [
        make_user("Responder", username=f.lower() + "2", first_name=f, last_name=n)
        for f, n in names
    ]
    team = Team.objects.create(name="Cognitive core")
    team.members.set([people["rita"], *staff])
    clock = OnCallSchedule.objects.create(
        name="Core, first line", team=team, time_zone="Europe/Berlin"
    )
    made = rotation(clock, staff)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    OnCallOverride.objects.create(
        schedule=clock,
        user=staff[2],
        starts_at=now + timedelta(days=2),
        ends_at=now + timedelta(days=4, hours=3),
        reason="Conference",
        requested_by=people["rita"],
    )
    office = OnCallSchedule.objects.create(name="Data, office hours", team=team)
    hours = {"hours_from": time(9), "hours_to": time(17), "weekdays": [0, 1, 2, 3, 4]}
    rotation(office, staff[1:], **hours)
    OnCallSchedule.objects.create(name="Terminal", team=team)
    policy = EscalationPolicy.objects.create(name="Core", rank=10, repeats=1)
    EscalationStep.objects.create(policy=policy, place=1, after_minutes=5, schedule=clock)
    EscalationStep.objects.create(
        policy=policy, place=2, after_minutes=15, whom="lead", user=staff[1]
    )
    return clock.pk, made.pk, policy.pk


def test_every_page_looks_right_on_every_screen(schedules: Any, open_as: Pages) -> None:
    clock, rota, policy = schedules
    page, errors = open_as("ada")
    for name, path in {
        "oncall": PAGE,
        "oncall-schedule": f"/admin/alerts/oncallschedule/{clock}/change/",
        "oncall-rotation": f"/admin/alerts/rotation/{rota}/change/",
        "oncall-overrides": "/admin/alerts/oncalloverride/",
        "escalation-policy": f"/admin/alerts/escalationpolicy/{policy}/change/",
        "escalation-policies": "/admin/alerts/escalationpolicy/",
        "watching": "/admin/#watching",
    }.items():
        page.goto(path)
        look(page, name)
    assert errors == []


def test_a_responder_takes_over_sees_it_on_the_strip_and_withdraws(
    schedules: Any, open_as: Pages
) -> None:
    page, errors = open_as("rita")
    page.goto(PAGE)
    page.get_by_role("link", name="Take over…").first.click()
    page.select_option("#id_user", label="rita")
    start = timezone.now() + timedelta(minutes=5)
    for name, at in {"starts_at": start, "ends_at": start + timedelta(days=3)}.items():
        page.fill(f"#id_{name}_0", f"{at:%Y-%m-%d}")
        page.fill(f"#id_{name}_1", f"{at:%H:%M:%S}")
    page.fill("#id_reason", "Swap with Ada")
    page.locator("[name=_save]").first.click()
    expect(page.locator(".aio-rota__block--override", has_text="rita").first).to_be_attached()
    taken = page.locator(".aio-reason", has_text="Swap with Ada")
    taken.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("is withdrawn")).to_be_visible()
    expect(taken).to_have_count(0)
    assert errors == []
