"""The inbox: what it shows first, its tabs, filters and search, and who may do what there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Client, Team, User
from accounts.roles import RESPONDER, VIEWER
from alerts.admin import impact_words, inbox
from alerts.models import Alert, AlertEvent, Incident
from metrics.models import Component

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]
LIST = "/admin/alerts/alert/"


def sign_in(user: User) -> Browser:
    """A browser in which the person is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def listed(browser: Browser, query: str = "") -> list[int]:
    """The alerts in the list, from the top."""
    return [row.pk for row in browser.get(f"{LIST}?{query}").context["inbox_rows"]]


def counts(browser: Browser, query: str = "") -> dict[str, int]:
    """The number on each tab."""
    return {tab.name: tab.count for tab in browser.get(f"{LIST}?{query}").context["cl"].tabs}


def test_the_gravest_for_the_business_is_on_top(make_alert: MakeAlert, make_user: MakeUser) -> None:
    user, now = make_user(VIEWER), timezone.now()
    silenced = make_alert("suppressed", impact_score=99)
    young = make_alert(severity="high", impact_score=5)
    old = make_alert(severity="high", impact_score=5, created_at=now - timedelta(hours=3))
    worse = make_alert("acknowledged", by=user, severity="critical", impact_score=5)
    costly = make_alert(severity="low", impact_score=50)
    make_alert("resolved", by=user, severity="critical", impact_score=100)
    expected = [costly, worse, old, young, silenced]
    assert listed(sign_in(user)) == [alert.pk for alert in expected]


def test_what_is_over_comes_last_and_the_latest_of_it_first(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    user = make_user(VIEWER)
    first, last = (make_alert("resolved", by=user) for _ in range(2))
    firing = make_alert(severity="low")
    assert listed(sign_in(user), "status=all") == [firing.pk, last.pk, first.pk]


def test_each_tab_shows_what_its_number_says(make_alert: MakeAlert, make_user: MakeUser) -> None:
    me, other = make_user(RESPONDER), make_user()
    mine, theirs = (Team.objects.create(name=name) for name in ("Core", "Other"))
    mine.members.add(me)
    Component.objects.filter(code="user_interface").update(team=mine)
    ours = make_alert(team=mine, assignee=other)
    own = make_alert(component="user_interface", assignee=me)
    make_alert(component="user_interface", team=theirs)
    free = make_alert()
    make_alert("resolved", by=me, assignee=me, team=mine)
    browser = sign_in(me)
    assert counts(browser) == {"all": 4, "mine": 1, "team": 2, "unassigned": 2}
    assert listed(browser, "tab=mine") == [own.pk]
    assert set(listed(browser, "tab=team")) == {ours.pk, own.pk}
    assert free.pk in listed(browser, "tab=unassigned")


def test_the_numbers_are_of_what_the_filters_leave(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    me = make_user(VIEWER)
    make_alert(severity="high", assignee=me)
    make_alert(severity="low")
    expected = {"all": 1, "mine": 1, "team": 0, "unassigned": 0}
    assert counts(sign_in(me), "severity__exact=high") == expected


@pytest.mark.parametrize(
    ("query", "count"),
    [
        *(("", 3), ("status=open", 3), ("status=resolved", 1), ("status=all", 4)),
        *(("status=nonsense", 3), ("severity__exact=high", 1), ("alert_type__exact=self", 0)),
        *(("q=globex", 1), ("q=DiskFull", 1), ("q=nothing", 0), ("source=external", 1)),
        *(("source=own", 2), ("flapping=yes", 1), ("flapping=no", 2), ("team=none", 2)),
        *(("incident=any", 1), ("incident=none", 2), ("incident=999", 0), ("team=x", 3)),
    ],
)
def test_it_filters_and_searches(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client, query: str, count: int
) -> None:
    user = make_user(VIEWER)
    make_alert("resolved", by=user)
    incident = Incident.objects.create(title="Slow", component="cognitive_core")
    make_alert(severity="high", flapping=True, incident=incident)
    make_alert(client=globex, team=Team.objects.create(name="Core"))
    make_alert(alert_type="external", labels={"alertname": "DiskFull"}, objective="")
    assert len(listed(sign_in(user), query)) == count


def test_a_number_finds_its_alert(make_alert: MakeAlert, make_user: MakeUser) -> None:
    make_alert()
    alert = make_alert()
    assert listed(sign_in(make_user(VIEWER)), f"q=%23{alert.pk}") == [alert.pk]


def test_it_shows_no_alert_of_a_client_that_is_hidden(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client
) -> None:
    make_alert()
    own = make_alert(client=globex)
    browser = sign_in(make_user(RESPONDER, clients=[globex]))
    assert listed(browser) == [own.pk]
    assert counts(browser)["all"] == 1


def test_only_who_may_triage_is_offered_the_actions(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    make_alert()
    assert sign_in(make_user(VIEWER)).get(LIST).context["bulk_actions"] == []
    offered = sign_in(make_user(RESPONDER)).get(LIST).context["bulk_actions"]
    assert {"Acknowledge", "Hand over", "Resolve"} <= {label for _name, label in offered}


@pytest.mark.parametrize("path", [LIST, f"{LIST}?tab=team", "/admin/alerts/alertevent/"])
def test_a_longer_list_takes_no_more_queries(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client, path: str
) -> None:
    user = make_user(RESPONDER, clients=[globex])
    team = Team.objects.create(name="Core")
    team.members.add(user)
    browser, taken = sign_in(user), []
    for number in (1, 12):
        for _ in range(number):
            alert = make_alert(client=globex, team=team, assignee=make_user())
            AlertEvent.objects.create(alert=alert, kind="opened", to_status="firing")
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(path).status_code == 200
        taken.append(len(queries))
    assert taken[0] == taken[1] <= 12


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "All quiet"), ("tab=mine", "Nothing is yours"), ("q=x", "Nothing matches")],
)
def test_an_empty_list_says_why(make_user: MakeUser, query: str, words: str) -> None:
    assert words in sign_in(make_user(VIEWER)).get(f"{LIST}?{query}").content.decode()


@pytest.mark.parametrize(
    ("impact", "left", "gone"),
    [
        ({}, "–", ""),
        ({"budget_left": "many"}, "–", ""),
        ({"budget_left": 0.314}, "31 %", ""),
        ({"budget_left": -0.1, "exhausted_at": "2026-03-04T11:00:00Z"}, "−10 %", "gone"),
        ({"budget_left": 0.5, "exhausted_at": "2026-03-04T15:30:00Z"}, "50 %", "gone in 3 h"),
        ({"budget_left": 0.5, "exhausted_at": "soon"}, "50 %", ""),
    ],
)
def test_it_says_how_much_budget_is_left(
    impact: dict[str, Any], left: str, gone: str, noon: Any
) -> None:
    found = impact_words.budget(impact, noon)
    assert (found.left.replace("\u00a0", " "), found.gone.replace("\u00a0", " ")) == (left, gone)


def test_the_impact_says_only_what_is_known(noon: Any) -> None:
    impact = {"users": 1234, "clients": ["a", "b"], "credit": {"amount": "5.00", "currency": "EUR"}}
    found = {
        one.name: one.value.replace("\u00a0", " ") for one in impact_words.figures(impact, noon)
    }
    assert found == {
        "Clients affected": "2",
        "Users affected": "1,234",
        "Credit at stake": "5.00 EUR",
    }


def test_a_row_shortens_a_long_message(make_alert: MakeAlert) -> None:
    row = inbox.row(make_alert(alert_message="x" * 500), timezone.now())
    assert len(row.message) == inbox.LONG_MESSAGE
