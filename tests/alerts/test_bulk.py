"""One decision over many alerts: asked on a page, carried out one by one, refused by name."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client as Browser

from accounts.models import Client, Team, User
from accounts.roles import RESPONDER, SLA_MANAGER, VIEWER
from alerts import matching
from alerts.admin import silencing
from alerts.models import Alert, AlertEvent
from alerts.triage import lifecycle

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]
LIST = "/admin/alerts/alert/"


@pytest.fixture
def browser(make_user: MakeUser) -> Browser:
    """A responder's."""
    return sign_in(make_user(RESPONDER, first_name="Rita"))


def sign_in(user: User) -> Browser:
    """A browser in which the person is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def ask(browser: Browser, action: str, alerts: list[Alert], query: str = "") -> HttpResponse:
    """Choose alerts in the list and press a button."""
    seen = [f"{alert.pk}:{alert.version}" for alert in alerts]
    data = {"action": action, "_selected_action": [a.pk for a in alerts], "seen": seen, "index": 0}
    return browser.post(f"{LIST}?{query}", data)


def decide(browser: Browser, decision: str, alerts: list[Alert], **data: Any) -> HttpResponse:
    """Confirm it, as the page that asks would."""
    seen = [f"{alert.pk}:{alert.version}" for alert in alerts]
    return browser.post(f"{LIST}bulk/{decision}/", {"seen": seen, "note": "", **data})


def test_it_asks_before_it_acts(browser: Browser, make_alert: MakeAlert) -> None:
    first, second = make_alert(), make_alert()
    response = ask(browser, "resolve_many", [first, second], "tab=unassigned")
    text = response.content.decode()
    assert response.status_code == 200
    assert "Resolve 2 alerts" in text
    assert f'value="{second.pk}:1"' in text
    assert 'name="back" value="tab=unassigned"' in text
    assert not AlertEvent.objects.exists()


def test_it_carries_out_what_was_confirmed(browser: Browser, make_alert: MakeAlert) -> None:
    alerts = [make_alert(), make_alert()]
    response = decide(browser, "acknowledge", alerts, note="Mine.", term="120", back="tab=mine")
    assert response["Location"] == f"{LIST}?tab=mine"
    assert [str(m) for m in get_messages(response.wsgi_request)] == ["2 alerts are acknowledged."]
    assert set(AlertEvent.objects.values_list("note", "kind")) == {("Mine.", "acknowledged")}
    assert all(alert.ack_expires_at for alert in Alert.objects.all())


def test_a_stale_one_is_refused_by_name_and_the_rest_done(
    browser: Browser, make_alert: MakeAlert, make_user: MakeUser
) -> None:
    moved, still = make_alert(), make_alert()
    lifecycle.acknowledge(moved.pk, acting_user=make_user(first_name="Ada"), version=1)
    response = decide(browser, "resolve", [moved, still], note="Rolled back.", resolution="fixed")
    text = response.content.decode()
    assert response.status_code == 409
    assert f"Alert #{moved.pk} has changed since you opened it: Ada acknowledged it" in text
    # It can be confirmed again, on what it is now, with what was written.
    assert f'value="{moved.pk}:2"' in text
    assert f'value="{still.pk}:' not in text
    assert ">Rolled back.</textarea>" in text
    assert Alert.objects.get(pk=still.pk).resolution == "fixed"
    assert Alert.objects.get(pk=moved.pk).status == "acknowledged"


def test_the_page_says_what_has_changed_since_it_was_chosen(
    browser: Browser, make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert()
    lifecycle.acknowledge(alert.pk, acting_user=make_user(), version=1)
    assert b"It has changed since you selected it" in ask(browser, "resolve_many", [alert]).content


def test_what_cannot_be_done_is_not_offered(
    browser: Browser, make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alerts = [make_alert(), make_alert("acknowledged", by=make_user())]
    text = ask(browser, "acknowledge_many", alerts).content.decode()
    assert "Acknowledge 1 alert<" in text
    assert "This can&#x27;t be done" in text or "This can't be done" in text


def test_handing_over_many_keeps_what_is_not_chosen(
    browser: Browser, make_alert: MakeAlert, make_user: MakeUser
) -> None:
    team, ben = Team.objects.create(name="Core"), make_user(RESPONDER)
    alert = make_alert(team=team)
    decide(browser, "assign", [alert], assignee=ben.pk)
    alert.refresh_from_db()
    assert (alert.assignee, alert.team) == (ben, team)
    assert decide(browser, "assign", [alert]).status_code == 400


def test_it_touches_no_alert_of_a_hidden_client(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client
) -> None:
    hidden, own = make_alert(), make_alert(client=globex)
    browser = sign_in(make_user(RESPONDER, clients=[globex]))
    assert (
        f'value="{hidden.pk}:' not in ask(browser, "resolve_many", [hidden, own]).content.decode()
    )
    response = decide(browser, "resolve", [hidden, own])
    assert "no longer there" in response.content.decode()
    assert Alert.objects.get(pk=hidden.pk).status == "firing"
    assert Alert.objects.get(pk=own.pk).status == "resolved"


@pytest.mark.parametrize("role", [VIEWER, SLA_MANAGER])
@pytest.mark.parametrize("decision", ["acknowledge", "assign", "resolve"])
def test_only_who_may_triage_decides(
    make_alert: MakeAlert, make_user: MakeUser, role: str, decision: str
) -> None:
    alert, browser = make_alert(), sign_in(make_user(role))
    assert decide(browser, decision, [alert]).status_code == 403
    ask(browser, f"{decision}_many", [alert])
    assert not AlertEvent.objects.exists()


def test_it_decides_nothing_by_get(browser: Browser, make_alert: MakeAlert) -> None:
    alert = make_alert()
    response = browser.get(f"{LIST}bulk/resolve/?seen={alert.pk}:1")
    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize("seen", [[], ["x:1"], ["1"], ["1:99999999999"]])
def test_it_does_nothing_with_what_makes_no_sense(browser: Browser, seen: list[str]) -> None:
    assert browser.post(f"{LIST}bulk/resolve/", {"seen": seen}).status_code == 400


def test_a_silence_would_cover_what_was_chosen_and_little_else(
    make_alert: MakeAlert, globex: Client
) -> None:
    alerts = [make_alert(), make_alert(client=globex)]
    found = matching.checked(silencing.matchers(alerts))
    assert all(matching.matches(found, matching.facts(alert)) for alert in alerts)
    assert {"name": "client", "op": "=~", "value": "acme|globex"} in found
    other = make_alert(objective="sla:complex_queries:latency")
    assert not matching.matches(found, matching.facts(other))
