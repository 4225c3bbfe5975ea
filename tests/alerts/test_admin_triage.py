"""Triage in the admin: who may look, who may act, and what a stale form is told."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Client, Team, User
from accounts.roles import ADMINISTRATOR, RESPONDER, ROLES, SLA_MANAGER, VIEWER
from alerts.admin.decisions import DECISIONS, legal
from alerts.admin.evidence_words import around, evidence_facts
from alerts.figures import figures
from alerts.models import Alert, AlertEvent, Resolution, Severity, Status
from alerts.triage import lifecycle

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]
ACTIONS = ["acknowledge", "resolve"]
# What each decision needs beside a version and a note.
NEEDED = {"comment": {"note": "Look."}, "mark": {"actionable": "no"}}
# The status in which each can be made.
STATUS = {"unacknowledge": Status.ACKNOWLEDGED, "reopen": Status.RESOLVED}
LIST = "/admin/alerts/alert/"


def sign_in(user: User) -> Browser:
    """A browser in which the person is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def post(browser: Browser, alert: Alert, action: str, **data: Any) -> HttpResponse:
    """Send the action's form as the alert's page would."""
    url = reverse(f"admin:alerts_alert_{action}", args=[alert.pk])
    return browser.post(url, {"version": alert.version, "note": "", **data})


def page(browser: Browser, alert: Alert) -> str:
    """The alert's page."""
    response = browser.get(reverse("admin:alerts_alert_change", args=[alert.pk]))
    assert response.status_code == 200
    return response.content.decode()


def told(response: HttpResponse) -> str:
    """What the person is told after an action."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.mark.parametrize(
    ("action", "status"), [("acknowledge", "acknowledged"), ("resolve", "resolved")]
)
def test_it_carries_out_the_action_with_its_note(
    make_alert: MakeAlert, make_user: MakeUser, action: str, status: str
) -> None:
    alert, user = make_alert(), make_user(RESPONDER)
    response = post(sign_in(user), alert, action, note="Rolled back.")
    url = reverse("admin:alerts_alert_change", args=[alert.pk])
    assert response["Location"] == f"{url}#sent-{action}"
    assert told(response) == f"Alert #{alert.pk} is {status}."
    alert.refresh_from_db()
    event = alert.events.get()
    assert alert.status == status
    assert (event.actor, event.note) == (user, "Rolled back.")


def test_it_acknowledges_for_a_time(make_alert: MakeAlert, make_user: MakeUser, now: Any) -> None:
    alert = make_alert()
    post(sign_in(make_user(RESPONDER)), alert, "acknowledge", term="30")
    alert.refresh_from_db()
    assert alert.ack_expires_at is not None
    assert 29 < (alert.ack_expires_at - now).total_seconds() / 60 < 31


def test_it_resolves_with_what_it_was(make_alert: MakeAlert, make_user: MakeUser) -> None:
    alert = make_alert()
    post(sign_in(make_user(RESPONDER)), alert, "resolve", resolution=Resolution.ROLLED_BACK)
    assert Alert.objects.get().resolution == "rolled_back"


def test_it_hands_over_to_a_person_and_a_team(make_alert: MakeAlert, make_user: MakeUser) -> None:
    alert, ben = make_alert(), make_user(RESPONDER, first_name="Ben")
    team = Team.objects.create(name="Core")
    browser = sign_in(make_user(RESPONDER))
    post(browser, alert, "assign", assignee=ben.pk, team=team.pk, note="I am off.")
    alert.refresh_from_db()
    assert (alert.assignee, alert.team) == (ben, team)
    assert "Assigned</strong> by" in (shown := page(browser, alert))
    assert "to Ben and Core" in shown


def test_nobody_hands_over_to_a_person_who_may_not_triage(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert, viewer = make_alert(), make_user(VIEWER)
    response = post(sign_in(make_user(RESPONDER)), alert, "assign", assignee=viewer.pk)
    assert response.status_code == 400
    assert not AlertEvent.objects.exists()


def test_a_refused_comment_is_kept_in_its_box(make_alert: MakeAlert, make_user: MakeUser) -> None:
    response = post(sign_in(make_user(RESPONDER)), make_alert(), "comment", note="Hi @nobody")
    assert response.status_code == 409
    text = response.content.decode()
    assert "There is no active user “nobody” to mention." in text
    assert ">Hi @nobody</textarea>" in text


@pytest.mark.parametrize("action", [*DECISIONS, "here"])
def test_it_changes_nothing_by_get(make_alert: MakeAlert, make_user: MakeUser, action: str) -> None:
    alert = make_alert()
    url = reverse(f"admin:alerts_alert_{action}", args=[alert.pk])
    response = sign_in(make_user(RESPONDER)).get(url)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert not AlertEvent.objects.exists()


def test_it_wants_a_csrf_token(make_alert: MakeAlert, make_user: MakeUser) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(make_user(RESPONDER))
    assert post(browser, make_alert(), "resolve").status_code == 403
    assert not AlertEvent.objects.exists()


@pytest.mark.parametrize("action", DECISIONS)
@pytest.mark.parametrize(
    ("role", "status"),
    [(None, 403), (VIEWER, 403), (SLA_MANAGER, 403), (RESPONDER, 302), (ADMINISTRATOR, 302)],
)
def test_it_lets_only_those_act_who_may_triage(
    make_alert: MakeAlert, make_user: MakeUser, role: str | None, status: int, action: str
) -> None:
    alert = make_alert(STATUS.get(action, Status.FIRING), by=make_user())
    response = post(sign_in(make_user(role)), alert, action, **NEEDED.get(action, {}))
    assert response.status_code == status
    assert AlertEvent.objects.exists() == (status == 302)


@pytest.mark.parametrize("role", ROLES)
def test_it_shows_forms_only_to_those_who_may_triage(
    make_alert: MakeAlert, make_user: MakeUser, role: str
) -> None:
    shown = page(sign_in(make_user(role)), make_alert())
    may = role in {RESPONDER, ADMINISTRATOR}
    assert ('id="acknowledge-form"' in shown, 'id="resolve-form"' in shown) == (may, may)


@pytest.mark.parametrize("status", Status.values)
def test_it_shows_only_the_forms_that_are_legal_now(
    make_alert: MakeAlert, make_user: MakeUser, status: str
) -> None:
    user = make_user(RESPONDER)
    alert = make_alert(status, by=user)
    shown = page(sign_in(user), alert)
    found = [name for name in DECISIONS if f'id="{name}-form"' in shown]
    assert found == legal(alert)
    assert set(lifecycle.legal_actions(status)) <= set(found)


@pytest.mark.parametrize(
    ("grace", "words"), [(45, "more than 45 seconds after"), (0, "after that")]
)
def test_it_says_from_when_on_a_resolved_alert_may_reopen(
    make_alert: MakeAlert, make_user: MakeUser, settings: Any, grace: int, words: str
) -> None:
    settings.RESOLVE_GRACE_SECONDS = grace
    shown = page(sign_in(make_user(RESPONDER)), make_alert())
    assert f"what is measured {words}" in shown


def test_an_alert_of_the_specifications_columns_alone_has_a_page(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert(objective="", evidence={}, unit="")
    assert f'<h2 class="aio-title">{alert.metric_name}</h2>' in page(
        sign_in(make_user(VIEWER)), alert
    )


def test_it_sends_strangers_to_the_sign_in(make_alert: MakeAlert) -> None:
    response = post(Browser(), make_alert(), "resolve")
    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]
    assert not AlertEvent.objects.exists()


@pytest.mark.parametrize("action", [*DECISIONS, "here"])
def test_it_hides_the_alerts_of_clients_that_a_person_may_not_see(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client, action: str
) -> None:
    alert = make_alert()
    browser = sign_in(make_user(RESPONDER, clients=[globex]))
    assert post(browser, alert, action).status_code == 404
    assert not AlertEvent.objects.exists()
    assert browser.get(reverse("admin:alerts_alert_change", args=[alert.pk])).status_code == 302
    assert f"#{alert.pk} " not in browser.get(LIST).content.decode()


def test_it_answers_404_for_an_alert_that_is_not_there(make_user: MakeUser) -> None:
    response = sign_in(make_user(RESPONDER)).post("/admin/alerts/alert/99/resolve/", {"version": 1})
    assert response.status_code == 404


@pytest.mark.parametrize("action", ACTIONS)
def test_it_refuses_a_stale_form_and_says_what_happened(
    make_alert: MakeAlert, make_user: MakeUser, action: str
) -> None:
    alert, other = make_alert(), make_user(RESPONDER, first_name="Rita")
    lifecycle.acknowledge(alert.pk, acting_user=other, version=1)
    response = post(sign_in(make_user(RESPONDER)), alert, action, note="My long note")
    text = response.content.decode()
    assert response.status_code == 409
    assert "has changed since you opened it: Rita acknowledged it" in text
    # In the same form where that is still open, else in the comment.
    field = "comment-note" if action == "acknowledge" else "resolve-note"
    assert re.search(rf'id="{field}"[^>]*>My long note</textarea>', text)
    assert 'name="version" value="2"' in text
    assert Alert.objects.get().status == Status.ACKNOWLEDGED


@pytest.mark.parametrize(
    "data",
    [
        {"version": ""},
        {"version": "1; DROP"},
        {"version": 0},
        {"note": "x" * 2001},
        {"resolution": "?"},
    ],
)
def test_it_refuses_a_form_that_makes_no_sense(
    make_alert: MakeAlert, make_user: MakeUser, data: dict[str, Any]
) -> None:
    response = post(sign_in(make_user(RESPONDER)), make_alert(), "resolve", **data)
    assert response.status_code == 400
    assert "Nothing was changed." in response.content.decode()
    assert not AlertEvent.objects.exists()


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
@pytest.mark.parametrize("model", ["alert", "alertevent"])
def test_nobody_adds_or_deletes(
    make_alert: MakeAlert, make_user: MakeUser, model: str, path: str
) -> None:
    alert = make_alert()
    event = AlertEvent.objects.create(alert=alert, kind="opened", to_status="firing")
    target = alert.pk if model == "alert" else event.pk
    browser = sign_in(make_user(ADMINISTRATOR, is_superuser=True))
    assert browser.get(f"/admin/alerts/{model}/{path.format(target)}").status_code == 403


def test_nobody_edits_a_field_not_even_a_superuser(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert()
    url = reverse("admin:alerts_alert_change", args=[alert.pk])
    response = sign_in(make_user(is_superuser=True)).post(url, {"severity": "low"})
    assert response.status_code == 403
    assert Alert.objects.get().severity == Severity.MEDIUM


def test_the_page_shows_the_timeline_with_who_and_why(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    user = make_user(RESPONDER, first_name="Rita", last_name="Lee")
    alert = make_alert()
    lifecycle.acknowledge(alert.pk, acting_user=user, version=1, note="<b>On it</b>")
    shown = page(sign_in(user), alert)
    assert "<strong>Acknowledged</strong> by Rita Lee" in shown
    assert "&lt;b&gt;On it&lt;/b&gt;" in shown


@pytest.mark.parametrize(
    ("fields", "measured", "promised"),
    [
        ({"unit": "ms", "actual_value": 4123}, "4,123 ms", "≤ 3,000 ms"),
        ({"unit": "ms", "actual_value": 3000.4}, "3,000.400 ms", "≤ 3,000 ms"),
        ({"unit": "percent", "actual_value": 98, "threshold_value": 99.5}, "98 %", "≥ 99.5 %"),
        ({"unit": "score", "actual_value": 4.2, "threshold_value": 4.5}, "4.2 of 5", "≥ 4.5 of 5"),
        (
            {
                "unit": "percent",
                "actual_value": 80,
                "threshold_value": 70,
                "alert_type": "resource_limit",
            },
            "80 %",
            "≤ 70 %",
        ),
        (
            # Fast but failing: the percentile alone would look kept.
            {
                "unit": "ms",
                "actual_value": 900,
                "evidence": {
                    "rule": {"share": 95, "good_within": 3000},
                    "counts": {"good": 4, "total": 5},
                },
            },
            "80 %",
            "≥ 95 % within 3,000 ms",
        ),
    ],
)
def test_it_compares_measured_with_promised(
    make_alert: MakeAlert, fields: dict[str, Any], measured: str, promised: str
) -> None:
    found = [text.replace("\u00a0", " ") for text in figures(make_alert(**fields))]
    assert found == [measured, promised]


def test_the_evidence_says_how_the_figures_came_about() -> None:
    facts = evidence_facts(
        {
            "kind": "latency",
            "window": {"start": "2026-03-04T11:55:00+00:00", "end": "2026-03-04T12:00:00+00:00"},
            "rule": {"unit": "ms", "share": 95.0, "good_within": 3000.0, "minimum": 5},
            "counts": {"total": 20, "succeeded": 18, "good": 15, "votes": 0, "users": 3},
            "values": {"median": 1200.0, "percentile": 5200.0, "largest": 9000.0},
        }
    )
    told = {fact.name: fact.value.replace("\u00a0", " ") for fact in facts}
    assert told == {
        "Window": "2026-03-04 11:55:00 – 12:00:00 UTC (5 min)",
        "Rule": "95 % must succeed within 3,000 ms, from 5 measurements up",
        "Requests": "20",
        "Good": "15 (75 %)",
        "Too slow": "3",
        "Failed or unanswered": "2",
        "Signed-in users hit": "3",
        "Median": "1,200 ms",
        "p95": "5,200 ms",
        "Largest": "9,000 ms",
    }


def test_the_evidence_says_what_happened_around_it() -> None:
    at = "2026-03-04T11:5{}:00+00:00"
    deployed = {"service": "terminal", "version": "2", "component": "x", "at": at.format(1)}
    alert = {"id": 7, "what": "Slow", "severity": "high", "opened_at": at.format(3)}
    excluded = {"id": 1, "category": "maintenance", "reason": "Move", "start": at.format(2)}
    found = around(
        {
            "concurrent": {
                "deployments": [deployed],
                "alerts": [alert],
                "exclusions": [excluded],
                "alerts_of_other_clients": 2,
            }
        }
    )
    assert [event.what for event in found] == [
        "The same promise is broken for 2 other clients",
        "Alert #7 Slow, high",
        "Excluded (maintenance): Move",
        "Deployment: terminal 2 (x)",
    ]
    assert around({}) == []


def test_the_page_tells_how_to_count_it_again(make_alert: MakeAlert, make_user: MakeUser) -> None:
    queries = {"rows": "/api/v1/metrics/?client=acme&since=x"}
    shown = page(sign_in(make_user(VIEWER)), make_alert(evidence={"queries": queries}))
    assert "GET /api/v1/metrics/?client=acme&amp;since=x" in shown
