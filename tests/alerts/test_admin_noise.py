"""Silences, incidents, dependencies and the noise ledger in the admin: who may do and see what."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Client, User
from accounts.roles import ADMINISTRATOR, RESPONDER, ROLES, SLA_MANAGER, VIEWER
from alerts import matching
from alerts.admin.matchers import as_lines, parsed
from alerts.models import Alert, ComponentDependency, Incident, Silence
from metrics.models import Component

pytestmark = pytest.mark.django_db
Breach = Callable[..., Alert]
MakeSilence = Callable[..., Silence]
MakeUser = Callable[..., User]
ADD, PREVIEW = "/admin/alerts/silence/add/", "/admin/alerts/silence/add/preview/"


def sign_in(user: User) -> Browser:
    """A browser in which the person is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def form(**fields: Any) -> dict[str, Any]:
    """What the silence's form sends."""
    start = timezone.localtime()
    end = start + timedelta(hours=2)
    sent = {
        "matchers": "component = cognitive_core",
        "reason": "Maintenance",
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M}",
    }
    return {**sent, "rrule": "", "duration_minutes": "", "zone": "", **fields}


def errors(response: HttpResponse) -> dict[str, list[str]]:
    """What the form says is wrong."""
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


def test_a_responder_makes_a_silence_that_is_theirs(make_user: MakeUser) -> None:
    user = make_user(RESPONDER)
    response = sign_in(user).post(ADD, form(matchers='severity >= high\nclient != "acme"'))
    silence = Silence.objects.get()
    assert response["Location"] == f"/admin/alerts/silence/{silence.pk}/change/"
    assert (silence.owner, silence.reason, silence.rrule) == (user, "Maintenance", "")
    assert matching.in_words(silence.matchers) == "severity>=high, client!=acme"


@pytest.mark.parametrize("role", ROLES)
def test_only_responders_and_administrators_silence(make_user: MakeUser, role: str) -> None:
    browser, may = sign_in(make_user(role)), role in (RESPONDER, ADMINISTRATOR)
    assert browser.post(PREVIEW, form()).status_code == (200 if may else 403)
    assert browser.post(ADD, form()).status_code == (302 if may else 403)
    assert Silence.objects.exists() == may
    assert browser.get("/admin/alerts/silence/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"matchers": ""}, "matchers", "required"),
        ({"matchers": "component cognitive_core"}, "matchers", "Line 1"),
        ({"matchers": "severity = bad"}, "matchers", "is no severity"),
        ({"reason": ""}, "reason", "required"),
        ({"ends_at_0": "2020-01-01"}, "ends_at", "after the start"),
        ({"ends_at_0": "2099-01-01"}, "ends_at", "At most a year"),
        ({"rrule": "FREQ=DAILY"}, "duration_minutes", "Give minutes"),
        ({"rrule": "FREQ=HOURLY", "duration_minutes": "5"}, "rrule", "FREQ must be"),
        ({"duration_minutes": "5"}, "duration_minutes", "Only a repeated"),
    ],
)
def test_it_says_what_is_wrong_with_which_field(
    make_user: MakeUser, fields: dict[str, str], field: str, text: str
) -> None:
    response = sign_in(make_user(RESPONDER)).post(ADD, form(**fields))
    assert text in " ".join(errors(response)[field])
    assert not Silence.objects.exists()


def test_a_repeated_silence_follows_the_clock_of_its_zone(make_user: MakeUser) -> None:
    day = timezone.now() + timedelta(days=1)
    times = {"starts_at_0": f"{day:%Y-%m-%d}", "starts_at_1": "02:00"}
    end = {"ends_at_0": f"{day + timedelta(days=30):%Y-%m-%d}", "ends_at_1": "02:00"}
    more = {"rrule": "FREQ=DAILY", "duration_minutes": "60", "zone": "Asia/Tokyo"}
    sign_in(make_user(RESPONDER)).post(ADD, form(**times, **end, **more))
    assert Silence.objects.get().starts_at.hour == 17


def test_a_link_fills_in_the_matchers_and_shows_at_once_what_they_match(
    make_user: MakeUser, breach: Breach
) -> None:
    alert = breach()
    matchers = [{"name": "component", "op": "=", "value": "cognitive_core"}]
    query = urlencode({"matchers": json.dumps(matchers)})
    shown = sign_in(make_user(RESPONDER)).get(f"{ADD}?{query}").content.decode()
    assert "component = cognitive_core</textarea>" in shown
    assert reverse("admin:alerts_alert_change", args=[alert.pk]) in shown


def test_the_preview_changes_nothing_and_shows_no_hidden_clients_alerts(
    make_user: MakeUser, breach: Breach, globex: Client
) -> None:
    breach()
    own = breach(client=globex)
    browser = sign_in(make_user(RESPONDER, clients=[globex]))
    response = browser.post(PREVIEW, form(), headers={"X-Requested-With": "fetch"})
    assert [row.client for row in response.context["open_rows"]] == ["Globex Retail"]
    assert f">{own}</a>" in response.content.decode()
    assert browser.get(PREVIEW).status_code == 405
    assert not Silence.objects.exists()


def test_it_is_ended_by_post_once(make_user: MakeUser, make_silence: MakeSilence) -> None:
    silence = make_silence({"component": "cognitive_core"})
    url = reverse("admin:alerts_silence_end", args=[silence.pk])
    assert sign_in(make_user(RESPONDER)).get(url).status_code == 405
    assert sign_in(make_user(VIEWER)).post(url).status_code == 403
    browser = sign_in(make_user(RESPONDER))
    told = [str(one) for _ in "12" for one in get_messages(browser.post(url).wsgi_request)]
    assert "is ended" in told[0]
    assert "already" in told[-1]
    assert Silence.objects.get().ended_by is not None


@pytest.mark.parametrize("path", ["{}/delete/", "{}/change/"])
def test_nobody_edits_or_deletes_a_silence(
    make_user: MakeUser, make_silence: MakeSilence, path: str
) -> None:
    silence = make_silence({"component": "cognitive_core"})
    browser = sign_in(make_user(is_superuser=True))
    response = browser.post(f"/admin/alerts/silence/{path.format(silence.pk)}", form(reason="x"))
    assert response.status_code == 403
    assert Silence.objects.get().reason == "Known."


def test_an_incidents_page_shows_alerts_clients_and_timeline_that_one_may_see(
    make_user: MakeUser, breach: Breach, globex: Client
) -> None:
    ours, theirs = breach(), breach(client=globex)
    url = reverse("admin:alerts_incident_change", args=[ours.incident_id])
    page = sign_in(make_user(VIEWER)).get(url)
    assert [name for name, *_ in page.context["clients"]] == ["Acme Manufacturing", "Globex Retail"]
    assert {step.kind for step in page.context["steps"]} == {"opened", "grouped"}
    limited = sign_in(make_user(VIEWER, clients=[globex])).get(url)
    assert [row.what for row in limited.context["rows"]] == [str(theirs)]
    assert limited.context["hidden"] == 1
    assert "Acme" not in limited.content.decode()


def test_incidents_of_hidden_clients_are_not_listed(
    make_user: MakeUser, breach: Breach, globex: Client
) -> None:
    breach()
    browser = sign_in(make_user(VIEWER, clients=[globex]))
    assert not browser.get("/admin/alerts/incident/").context["cl"].result_list
    breach(client=globex)
    (shown,) = browser.get("/admin/alerts/incident/").context["cl"].result_list
    assert (shown.alert_count, shown.open_count, shown.client_count) == (1, 1, 1)
    assert Incident.objects.get().alerts.count() == 2


def test_a_dependency_that_closes_a_circle_is_refused_in_its_form(make_user: MakeUser) -> None:
    by_code = {one.code: one.pk for one in Component.objects.all()}
    browser = sign_in(make_user(ADMINISTRATOR))
    url = "/admin/alerts/componentdependency/add/"
    needed = {"component": by_code["data_intelligence"], "depends_on": by_code["user_interface"]}
    assert "in a circle" in str(errors(browser.post(url, needed)))
    needed["depends_on"] = by_code["nervous_system"]
    assert browser.post(url, needed).status_code == 302
    assert ComponentDependency.objects.count() == 3


@pytest.mark.parametrize(
    ("role", "status"), [(None, 403), (VIEWER, 200), (SLA_MANAGER, 200), (RESPONDER, 200)]
)
def test_who_may_see_alerts_may_see_the_noise(
    make_user: MakeUser, breach: Breach, role: str | None, status: int
) -> None:
    breach()
    browser = sign_in(make_user(role))
    assert browser.get(reverse("alerts_noise"), {"days": "7"}).status_code == status
    proposal = reverse("alerts_noise_proposal")
    sent = {"objective": "sla:simple_queries:latency"}
    assert browser.post(proposal, sent).status_code == status
    assert browser.get(proposal).status_code == (403 if status == 403 else 405)


def test_the_ledger_counts_only_visible_clients(
    make_user: MakeUser, breach: Breach, globex: Client
) -> None:
    breach()
    page = sign_in(make_user(VIEWER, clients=[globex])).get(reverse("alerts_noise"))
    assert page.context["rows"] == []


@pytest.mark.parametrize("path", ["silence", "incident", "componentdependency"])
def test_a_longer_list_takes_no_more_queries(
    make_user: MakeUser, make_silence: MakeSilence, breach: Breach, path: str, settings: Any
) -> None:
    settings.INCIDENT_SPAN_SECONDS = -1
    browser, counts = sign_in(make_user(VIEWER)), []
    for number in (1, 9):
        for _ in range(number):
            make_silence({"component": "nothing"})
            breach(f"number {Alert.objects.count()}")
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(f"/admin/alerts/{path}/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize(
    "text", ["component = a b", "severity >= high\nclient =~ a|b", 'label !~ x=y"z', "rule != "]
)
def test_matchers_read_back_as_they_were_written(text: str) -> None:
    assert as_lines(parsed(text)) == text
    assert parsed(json.dumps(parsed(text))) == parsed(text)
