"""The severity table and the playbooks in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Client, User
from alerts.models import Alert, Playbook, SeverityRule
from alerts.raising import evaluation

pytestmark = pytest.mark.django_db
TABLE = "/admin/alerts/severityrule/"
BOOKS = "/admin/alerts/playbook/"


@pytest.fixture
def sign_in(make_user: Callable[..., User]) -> Callable[..., Browser]:
    def enter(role: str, **fields: Any) -> Browser:
        browser = Browser()
        browser.force_login(make_user(role, **fields))
        return browser

    return enter


@pytest.fixture
def alert(acme: Client, make_rows: Callable[..., Any], now: Any) -> Alert:
    make_rows(acme, [4000.0] * 8 + [100.0] * 2, timestamp=now, request_id="req-<b>1")
    evaluation.evaluate(now)
    return Alert.objects.get()


def row(**fields: Any) -> dict[str, Any]:
    blank = dict.fromkeys(
        (
            "alert_type",
            "tier",
            "criticality",
            "least_burn",
            "least_excess",
            "least_shortfall",
            "least_stars",
            "note",
        ),
        "",
    )
    return {**blank, "position": 1, "severity": "low", "enabled": "on", **fields}


def book(**fields: Any) -> dict[str, Any]:
    defaults = {"name": "Ours", "matchers": "[]", "priority": 900, "body": "Call {client}."}
    return {"enabled": "on", "runbook_url": "", **defaults, **fields}


@pytest.mark.parametrize(
    ("role", "edits"),
    [("Viewer", False), ("Responder", False), ("SLA manager", True), ("Administrator", True)],
)
@pytest.mark.parametrize(("url", "form"), [(TABLE, row()), (BOOKS, book())])
def test_who_answers_for_promises_edits_and_others_look(
    sign_in: Callable[..., Browser], role: str, edits: bool, url: str, form: dict[str, Any]
) -> None:
    browser = sign_in(role)
    assert browser.get(url).status_code == 200
    wanted = (302, 200) if edits else (403, 403)
    assert browser.post(f"{url}add/", form).status_code == wanted[0]
    other = {**form, "position": 2, "name": "Other"}
    assert browser.post(f"{url}add/preview/", other).status_code == wanted[1]


def test_who_sees_some_clients_leaves_alone_what_holds_for_all(
    sign_in: Callable[..., Browser], acme: Client
) -> None:
    browser = sign_in("SLA manager", clients=[acme])
    assert browser.post(f"{TABLE}add/", row()).status_code == 403


def test_the_preview_grades_the_alerts_with_the_unsaved_row(
    sign_in: Callable[..., Browser], alert: Alert
) -> None:
    browser = sign_in("SLA manager")
    stored = browser.get(f"{TABLE}preview/")
    assert "Every alert keeps its severity" in stored.content.decode()
    unsaved = browser.post(f"{TABLE}add/preview/", row(least_burn=3))
    (changed,) = unsaved.context["changed"]
    assert changed["alert"] == alert
    assert "row 1: burn ≥ 3×" in changed["reason"]
    assert not SeverityRule.objects.filter(position=1).exists()


def test_a_row_that_is_switched_off_in_the_form_is_left_out(
    sign_in: Callable[..., Browser], alert: Alert
) -> None:
    deciding = next(
        one for one in SeverityRule.objects.all() if f"row {one.position}:" in alert.severity_reason
    )
    form = row(position=deciding.position, least_burn=10, severity="critical")
    del form["enabled"]
    answer = sign_in("SLA manager").post(f"{TABLE}{deciding.pk}/preview/", form)
    (changed,) = answer.context["changed"]
    assert "high" in changed["after"]


def test_the_preview_shows_only_alerts_that_the_person_may_see(
    sign_in: Callable[..., Browser], alert: Alert, globex: Client
) -> None:
    answer = sign_in("Viewer", clients=[globex]).get(f"{TABLE}preview/")
    assert answer.context["total"] == 0


def test_a_preview_changes_nothing_and_is_no_link(
    sign_in: Callable[..., Browser], alert: Alert
) -> None:
    browser = sign_in("Administrator")
    before = Alert.objects.values().get()
    assert browser.get(f"{TABLE}add/preview/").status_code == 405
    assert browser.post(f"{TABLE}preview/").status_code == 405
    browser.post(f"{TABLE}add/preview/", row())
    assert Alert.objects.values().get() == before


def test_a_taken_position_is_refused(sign_in: Callable[..., Browser]) -> None:
    answer = sign_in("SLA manager").post(f"{TABLE}add/", row(position=10))
    assert "Another row has this position" in answer.content.decode()


def test_unknown_placeholders_are_refused_by_name(sign_in: Callable[..., Browser]) -> None:
    answer = sign_in("SLA manager").post(f"{BOOKS}add/", book(body="{client} {clinet} {x}"))
    text = answer.content.decode()
    assert "There is no {clinet}, {x}. Use {what}" in text
    assert not Playbook.objects.filter(name="Ours").exists()


@pytest.mark.parametrize(
    "matchers",
    ['{"a": 1}', '[{"name": "component", "op": "~", "value": "x"}]', '[{"name": "severity"}]', "7"],
)
def test_matchers_that_cant_be_used_are_refused(
    sign_in: Callable[..., Browser], matchers: str
) -> None:
    answer = sign_in("SLA manager").post(f"{BOOKS}add/", book(matchers=matchers))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"matchers"}


def test_a_playbook_is_previewed_with_the_newest_alert_it_fits(
    sign_in: Callable[..., Browser], alert: Alert
) -> None:
    browser = sign_in("SLA manager")
    body = "Look at `{worst_request}` of {client}, {bad} of {total}."
    answer = browser.post(f"{BOOKS}add/preview/", book(body=body))
    text = answer.content.decode()
    assert "Look at `req- b 1` of Acme Manufacturing, 8 of 10." in text
    assert "would get" not in text
    weak = browser.post(f"{BOOKS}add/preview/", book(priority=1))
    assert "would get “Simple queries too slow” instead" in weak.content.decode()


def test_a_playbook_that_fits_no_alert_says_so(
    sign_in: Callable[..., Browser], alert: Alert
) -> None:
    nowhere = '[{"name": "component", "op": "=", "value": "nowhere"}]'
    answer = sign_in("SLA manager").post(f"{BOOKS}add/preview/", book(matchers=nowhere))
    assert "No alert fits component=nowhere yet" in answer.content.decode()


def test_the_forms_and_lists_open(sign_in: Callable[..., Browser]) -> None:
    browser = sign_in("SLA manager")
    for name, model in (("severityrule", SeverityRule), ("playbook", Playbook)):
        found = model.objects.all()[0]
        url = reverse(f"admin:alerts_{name}_change", args=[found.pk])
        assert f"{found.pk}/preview/" in browser.get(url).content.decode()
        assert browser.get(reverse(f"admin:alerts_{name}_add")).status_code == 200
