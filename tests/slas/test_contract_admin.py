"""The contracts' pages: terms as people write them, changed with a reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Client
from slas import slis, terms
from slas.models import Contract, Sla, SloVersion

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()
DAY = timedelta(days=1)
URL = "/admin/slas/contract/"


@pytest.fixture
def manager(make_user: Any) -> Browser:
    """A browser in which an SLA manager is signed in."""
    browser = Browser()
    browser.force_login(make_user("SLA manager"))
    return browser


def form(client: Client, **changes: Any) -> dict[str, Any]:
    return {
        "client": client.pk,
        "sla": Sla.objects.get(code="simple_queries").pk,
        "valid_from": TODAY - DAY,
        "currency": "EUR",
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
        **changes,
    }


def made(browser: Browser, client: Client, **changes: Any) -> Contract:
    answer = browser.post(f"{URL}add/", form(client, **changes))
    assert answer.status_code == 302, answer.context["errors"]
    return Contract.objects.get()


def errors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    found: dict[str, Any] = answer.context["adminform"].form.errors
    return found


def test_a_contract_is_entered_as_people_write_it(manager: Browser, acme: Client) -> None:
    contract = made(
        manager,
        acme,
        availability="99",
        credit_terms="< 99 % → 10 %\n95 -> 25",
        business_hours="Mon-Thu 08:00-18:00\nFri 8:00–12:00, 13:00–16:00",
        monthly_fee="8000",
    )
    assert contract.credit_terms == [
        {"below": 99.0, "percent": 10.0},
        {"below": 95.0, "percent": 25.0},
    ]
    assert terms.hours_text(contract.business_hours) == (
        "Mon–Thu 08:00–18:00\nFri 08:00–12:00, 13:00–16:00"
    )
    page = manager.get(f"{URL}{contract.pk}/change/").content.decode()
    assert "&lt; 99 % → 10 %\n&lt; 95 % → 25 %" in page
    assert "Simple queries: availability" in page
    versions = SloVersion.objects.filter(contract=contract)
    assert {one.changed_by.username for one in versions if one.changed_by} == {"user0"}


def test_terms_change_with_a_reason_alone(manager: Browser, acme: Client) -> None:
    contract = made(manager, acme, availability="99")
    url = f"{URL}{contract.pk}/change/"
    changed = form(acme, availability="98")
    assert "reason" in errors(manager.post(url, changed))
    assert manager.post(url, {**changed, "reason": "Amendment 1."}).status_code == 302
    new = SloVersion.objects.filter(contract=contract, slo__base="sla:simple_queries:availability")
    assert [(one.share, one.reason) for one in new.order_by("number")] == [
        (99.0, "First promised."),
        (98.0, "Amendment 1."),
    ]


def test_words_change_without_a_reason(manager: Browser, acme: Client) -> None:
    contract = made(manager, acme, credit_terms="< 99 % → 10 %")
    changed = form(acme, credit_terms="99:10", reference="A-1", business_impact="Much.")
    assert manager.post(f"{URL}{contract.pk}/change/", changed).status_code == 302
    contract.refresh_from_db()
    assert (contract.reference, contract.credit_terms[0]["below"]) == ("A-1", 99.0)


def test_an_edit_over_one_that_was_not_seen_is_refused(manager: Browser, acme: Client) -> None:
    contract = made(manager, acme, availability="99")
    url = f"{URL}{contract.pk}/change/"
    seen = manager.get(url).context["adminform"].form["seen"].value()
    Contract.objects.update(availability=97)
    answer = manager.post(url, form(acme, availability="98", reason="Mine.", seen=seen))
    assert "Someone else changed" in str(errors(answer)["__all__"])


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("credit_terms", "\n99 gives 10", "Line 2"),
        ("credit_terms", "< 95 % → 25 %\n< 99 % → 10 %", "begin with the highest"),
        ("credit_terms", "1.2.3 → 4", "holds no number"),
        ("business_hours", "Mon 8-18", "Line 1, “Mon 8-18”: write it as"),
        ("business_hours", "Mon–Fri 18:00–08:00", "split it at midnight"),
        ("business_hours", "Mon–Fri 08:00–12:00\nTue 11:00–13:00", "Tue: the spans overlap"),
        ("business_hours", "Mon 08:00–25:00", "no time of day"),
        ("internal_availability", "99", "promised 99.5 %"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    manager: Browser, acme: Client, field: str, text: str, message: str
) -> None:
    found = errors(manager.post(f"{URL}add/", form(acme, **{field: text})))
    assert message in str(found[field])


@pytest.mark.parametrize(
    ("before", "change", "field"),
    [
        ({"valid_from": -40}, {"valid_from": -3}, "valid_from"),
        ({"valid_from": -40}, {"withdrawn": "on"}, "withdrawn"),
        ({"valid_from": -40}, {"valid_until": -20}, "valid_until"),
        ({"valid_from": -5, "valid_until": -2}, {"valid_until": 5}, "valid_until"),
        ({"valid_from": -5}, {"valid_from": -3}, None),
        ({"valid_from": -40}, {"valid_until": -3}, None),
        ({"valid_from": -5}, {"withdrawn": "on"}, None),
    ],
)
def test_days_whose_rows_are_gone_stay_as_they_were_judged(
    manager: Browser,
    acme: Client,
    before: dict[str, int],
    change: dict[str, Any],
    field: str | None,
) -> None:
    days = {name: TODAY + value * DAY for name, value in before.items()}
    contract = made(manager, acme, **days)
    later = {
        name: TODAY + value * DAY if isinstance(value, int) else value
        for name, value in change.items()
    }
    answer = manager.post(
        f"{URL}{contract.pk}/change/", form(acme, **{**days, **later, "reason": "Settled?"})
    )
    if field is None:
        assert answer.status_code == 302, answer.context["errors"]
    else:
        assert set(errors(answer)) == {field}
    assert slis.kept_since(timezone.now()).date() == TODAY - 14 * DAY


@pytest.mark.parametrize("add", [True, False])
def test_days_of_another_contract_are_refused_in_the_form(
    manager: Browser, acme: Client, add: bool
) -> None:
    first = made(manager, acme, valid_until=TODAY)
    later = form(acme, valid_from=TODAY + DAY)
    assert manager.post(f"{URL}add/", later).status_code == 302
    url = f"{URL}add/" if add else f"{URL}{first.pk}/change/"
    answer = manager.post(url, form(acme, reason="Open end."))
    assert "covers the same SLA" in str(errors(answer)["__all__"])


def test_the_list_shows_what_differs(manager: Browser, acme: Client) -> None:
    made(manager, acme, availability="99", latency_share="95", credit_terms="< 99 % → 10 %")
    page = manager.get(URL).content.decode()
    assert "availability 99\N{NO-BREAK SPACE}% (SLA: 99.5)" in page
    assert "within target" not in page
    assert "&lt; 99 % → 10 %" in page
    assert "In force" in page


def test_who_sees_some_clients_finds_their_contracts_alone(
    manager: Browser, make_user: Any, acme: Client, globex: Client
) -> None:
    contract = made(manager, acme)
    outsider, teammate, viewer = Browser(), Browser(), Browser()
    outsider.force_login(make_user("SLA manager", clients=[globex]))
    teammate.force_login(make_user("SLA manager", clients=[acme]))
    viewer.force_login(make_user("Viewer", clients=[acme]))
    url = f"{URL}{contract.pk}/change/"
    assert outsider.get(url).status_code == 302
    assert teammate.get(url).status_code == 200
    assert "client" in errors(outsider.post(f"{URL}add/", form(acme)))
    assert viewer.get(url).status_code == 200
    assert viewer.post(url, form(acme)).status_code == 403
    assert manager.post(f"{URL}{contract.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("", ""),
        ("Sat–Mon 10:00–12:00", "Mon 10:00–12:00\nSat–Sun 10:00–12:00"),
        ("Tue 09:00-24:00\nmonday 9:00-24:00", "Mon–Tue 09:00–24:00"),
        ("Mon 08:00–09:00\nWed 08:00–09:00", "Mon 08:00–09:00\nWed 08:00–09:00"),
    ],
)
def test_hours_are_written_back_as_they_are_kept(text: str, again: str) -> None:
    hours = terms.parse_hours(text)
    assert terms.hours_text(hours) == again
    assert terms.parse_hours(again) == hours
