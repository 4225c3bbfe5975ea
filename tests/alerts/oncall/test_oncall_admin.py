"""The admin of schedules, overrides, calendars and policies: who may do what, by POST alone."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team, User
from accounts.roles import ADMINISTRATOR, RESPONDER, SLA_MANAGER, VIEWER
from alerts.admin import oncall_strip
from alerts.delivery.rota import Shift
from alerts.models import (
    EscalationPolicy,
    OnCallFeed,
    OnCallOverride,
    OnCallSchedule,
    Rotation,
)

pytestmark = pytest.mark.django_db
PAGE = "/admin/on-call/"
POLICIES = "/admin/alerts/escalationpolicy/"


@pytest.fixture
def signed_in() -> Callable[[User], Browser]:
    def sign_in(user: User) -> Browser:
        browser = Browser()
        browser.force_login(user)
        return browser

    return sign_in


def override_form(schedule: OnCallSchedule, user: User, hours: int = 4) -> dict[str, Any]:
    start = timezone.now() + timedelta(hours=1)
    end = start + timedelta(hours=hours)
    return {
        "schedule": schedule.pk,
        "user": user.pk,
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M:%S}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M:%S}",
        "reason": "Dentist",
    }


def test_the_page_says_who_is_on_call_until_when_and_who_comes_then(
    core: OnCallSchedule, ada: User, bob: User, signed_in: Any
) -> None:
    page = signed_in(ada).get(PAGE).content.decode()
    assert "Core, first line" in page
    who = re.search(r'aio-duty__who">([^<]+)<', page)
    assert who
    assert who[1] in {"Ada Lovelace", "Bob Kahn"}
    other = ({"Ada Lovelace", "Bob Kahn"} - {who[1]}).pop()
    assert re.search(rf"on call until \w+ \d+ \w+, 09:00, then {other}", page)


def test_the_page_takes_a_bounded_number_of_queries(
    core: OnCallSchedule, ada: User, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        OnCallSchedule.objects.create(name=f"Other {number}", team=core.team)
    browser = signed_in(ada)
    with django_assert_max_num_queries(28):
        assert browser.get(PAGE).status_code == 200


def test_a_gap_is_called_one(core: OnCallSchedule, ada: User, signed_in: Any) -> None:
    Rotation.objects.all().delete()
    assert "Nobody is on call" in signed_in(ada).get(PAGE).content.decode()


def test_a_member_takes_over_and_withdraws_again(
    core: OnCallSchedule, ada: User, bob: User, signed_in: Any
) -> None:
    browser = signed_in(ada)
    browser.post(reverse("admin:alerts_oncalloverride_add"), override_form(core, bob))
    override = OnCallOverride.objects.get()
    assert (override.user, override.requested_by, override.reason) == (bob, ada, "Dentist")
    url = reverse("admin:alerts_oncalloverride_withdraw", args=[override.pk])
    assert browser.get(url).status_code == 405
    browser.post(url)
    override.refresh_from_db()
    assert override.withdrawn_by == ada


@pytest.mark.parametrize(("role", "status"), [(VIEWER, 403), (RESPONDER, 200), (SLA_MANAGER, 403)])
def test_a_stranger_to_the_team_can_not_take_over(
    core: OnCallSchedule, ada: User, make_user: Any, signed_in: Any, role: str, status: int
) -> None:
    browser = signed_in(make_user(role))
    answer = browser.post(reverse("admin:alerts_oncalloverride_add"), override_form(core, ada))
    assert answer.status_code == status  # 200: the form again, with what is wrong
    assert not OnCallOverride.objects.exists()


def test_a_senseless_override_is_refused_with_the_reason(
    core: OnCallSchedule, ada: User, bob: User, signed_in: Any
) -> None:
    form = override_form(core, bob, hours=24 * 100)
    answer = signed_in(ada).post(reverse("admin:alerts_oncalloverride_add"), form)
    assert "90 days at most" in answer.content.decode()


def test_an_address_is_shown_once_replaced_and_ended_by_post(
    core: OnCallSchedule, ada: User, signed_in: Any
) -> None:
    browser = signed_in(ada)
    issue = reverse("oncall_feed_issue_of", args=[core.pk])
    assert browser.get(issue).status_code == 405
    shown = browser.post(issue, follow=True).content.decode()
    address = re.search(r"/oncall/[\w-]+\.ics", shown)
    assert address
    assert Browser().get(address[0]).status_code == 200
    assert address[0] not in browser.get(PAGE).content.decode()
    browser.post(reverse("oncall_feed_revoke_of", args=[core.pk]))
    assert Browser().get(address[0]).status_code == 404


def test_everybody_has_a_calendar_of_their_own_but_not_of_foreign_schedules(
    core: OnCallSchedule, make_user: Any, signed_in: Any
) -> None:
    viewer = make_user(VIEWER)
    browser = signed_in(viewer)
    browser.post(reverse("oncall_feed_issue"))
    assert OnCallFeed.objects.get().user == viewer
    url = reverse("oncall_feed_issue_of", args=[core.pk])
    assert browser.post(url).status_code == 403


def test_who_sees_some_clients_only_is_shown_no_foreign_team(
    core: OnCallSchedule, acme: Any, make_user: Any, signed_in: Any
) -> None:
    browser = signed_in(make_user(ADMINISTRATOR, clients=[acme]))
    assert "Core, first line" not in browser.get(PAGE).content.decode()
    url = reverse("admin:alerts_oncallschedule_change", args=[core.pk])
    assert browser.get(url).status_code == 302
    assert browser.get(POLICIES).status_code == 403


@pytest.mark.parametrize("role", [VIEWER, RESPONDER, SLA_MANAGER])
def test_only_administrators_change_schedules_and_policies(
    core: OnCallSchedule, make_policy: Any, make_user: Any, signed_in: Any, role: str
) -> None:
    policy = make_policy()
    browser = signed_in(make_user(role))
    rotation = core.rotations.get()
    for url in (
        reverse("admin:alerts_oncallschedule_change", args=[core.pk]),
        reverse("admin:alerts_rotation_change", args=[rotation.pk]),
        reverse("admin:alerts_escalationpolicy_change", args=[policy.pk]),
    ):
        assert browser.get(url).status_code == 200
        assert browser.post(url, {"name": "x"}).status_code == 403


def policy_form(**fields: Any) -> dict[str, Any]:
    form = {"name": "Core", "enabled": "on", "rank": 1, "matchers": "", "repeats": 0}
    steps = {"steps-TOTAL_FORMS": 1, "steps-INITIAL_FORMS": 0, "steps-0-place": 1}
    return form | {"least_severity": "high"} | steps | {"steps-0-after_minutes": 7} | fields


def test_an_administrator_makes_a_policy_with_a_step(
    core: OnCallSchedule, make_user: Any, signed_in: Any
) -> None:
    browser = signed_in(make_user(ADMINISTRATOR))
    step = {"steps-0-whom": "on_call", "steps-0-schedule": core.pk}
    browser.post(f"{POLICIES}add/", policy_form(**step))
    assert EscalationPolicy.objects.get().steps.get().schedule == core
    assert "7 min: Core, first line" in browser.get(POLICIES).content.decode()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"matchers": "severity=worst"}, "is no severity"),
        ({"steps-0-whom": "lead"}, "Name exactly one"),
        ({"steps-0-schedule": ""}, "Name exactly one"),
    ],
)
def test_a_policy_that_could_not_work_is_refused(
    core: OnCallSchedule, make_user: Any, signed_in: Any, wrong: dict[str, Any], message: str
) -> None:
    step = {"steps-0-whom": "on_call", "steps-0-schedule": core.pk}
    browser = signed_in(make_user(ADMINISTRATOR))
    answer = browser.post(f"{POLICIES}add/", policy_form(**{**step, **wrong}))
    assert message in answer.content.decode()
    assert not EscalationPolicy.objects.exists()


def test_a_run_is_seen_by_who_sees_its_client(
    fired: Any, make_policy: Any, make_user: Any, globex: Any, signed_in: Any
) -> None:
    from alerts.delivery import escalation

    make_policy()
    fired()
    escalation.tick(timezone.now())
    url = reverse("admin:alerts_escalationrun_changelist")
    assert "Simple queries: latency" in signed_in(make_user(VIEWER)).get(url).content.decode()
    outsider = signed_in(make_user(VIEWER, clients=[globex])).get(url).content.decode()
    assert "Simple queries: latency" not in outsider


def test_a_strip_places_blocks_by_the_wall_clock_of_a_25_hour_day() -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    shifts = [
        Shift(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC), 1),
        Shift(datetime(2026, 10, 25, 23, tzinfo=UTC), datetime(2026, 11, 3, 23, tzinfo=UTC), None),
    ]
    people = oncall_strip.people_of(shifts, {1: "Ada Lovelace"})
    now = datetime(2026, 10, 28, 12, tzinfo=berlin)
    first, second = oncall_strip.strip(shifts, people, date(2026, 10, 25), 2, now)
    assert [(b.left, b.width, b.label) for b in first.blocks] == [
        ("0.000", "14.286", "AL"),
        ("14.286", "85.714", "Nobody"),
    ]
    assert (first.now, second.now) == ("50.000", "")
    assert [b.width for b in second.blocks] == ["42.857"]


def test_a_team_with_a_schedule_is_not_deleted_from_under_it(core: OnCallSchedule) -> None:
    from django.db.models import ProtectedError

    with pytest.raises(ProtectedError):
        Team.objects.all().delete()
