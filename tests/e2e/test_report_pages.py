"""Exclusions and compliance reports in a browser: request, approve, read, print."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import Client, User
from metrics import rollups
from slas import exclusions, slis, versions
from slas.models import Contract, Exclusion, Sla
from tests.e2e.browser import look

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Open = Callable[[str], tuple[Page, list[str]]]
LONG = "Vereinigte Ostfriesische Maschinenbau- und Schiffsausrüstungsgesellschaft"


@pytest.fixture
def day() -> datetime:
    return (timezone.now() - 2 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def history(
    portal: str, acme: Client, people: dict[str, User], day: datetime, make_rows: Any
) -> Exclusion:
    """Acme's day: good but for an hour, which Rita asks to exclude; a contract; a long name."""
    sla = Sla.objects.get(code="simple_queries")
    Contract.objects.create(
        client=acme,
        sla=sla,
        reference="Rahmenvertrag 2026-117",
        valid_from=(day - 90 * DAY).date(),
        credit_terms=[{"below": 99.5, "percent": 10}, {"below": 95, "percent": 25}],
        monthly_fee=4200,
        business_impact="Agents wait; callers hang up.",
    )
    Client.objects.filter(pk=acme.pk).update(name=f"Acme {LONG}")
    versions.sync(timezone.now())
    for hour in range(24):
        at = day + hour * HOUR
        make_rows(acme, [900.0 + 31 * hour] * 40, timestamp=at, user_satisfaction_score=4.6)
        make_rows(acme, [9500.0] * (30 if hour == 14 else 1), timestamp=at + HOUR / 3)
        moderate = {"query_complexity": "moderate", "timestamp": at}
        make_rows(acme, [5200.0] * 10 + [14_000.0], **moderate)
    rollups.roll_up_all()
    slis.count_all()
    sla.target_response_time = 2800
    sla.save()
    versions.sync(day + 6 * HOUR, reason="Faster hardware.", by=people["sam"])
    return Exclusion.objects.create(
        client=acme,
        starts_at=day + 14 * HOUR,
        ends_at=day + 15 * HOUR,
        category="maintenance",
        reason="The database moves to the new cluster; announced four weeks before.",
        requested_by=people["rita"],
    )


@pytest.fixture
def approved(history: Exclusion, people: dict[str, User]) -> Exclusion:
    weekly = Exclusion.objects.create(
        starts_at=history.starts_at.replace(hour=3) - 28 * DAY,
        rrule="FREQ=DAILY;INTERVAL=2",
        duration_minutes=90,
        zone="Europe/Berlin",
        category="maintenance",
        component="cognitive_core",
        reason="The weekly window.",
        requested_by=people["rita"],
    )
    exclusions.approve(weekly.pk, acting_user=people["ada"])
    return exclusions.approve(history.pk, acting_user=people["sam"], note="As agreed by mail.")


def report_url(client: Client, day: datetime) -> str:
    when = day.date().isoformat()
    return f"/admin/slas/report/?client={client.pk}&first={when}&last={when}"


def digest(page: Page) -> str:
    return page.inner_text("#digest")


def latency(page: Page) -> str:
    return page.inner_text("tbody:has-text('Simple queries: latency') >> nth=0").replace(
        "\xa0", " "
    )


def test_an_exclusion_is_requested_approved_and_withdrawn_and_the_report_follows(
    acme: Client, day: datetime, history: Exclusion, open_as: Open
) -> None:
    page, errors = open_as("sam")
    page.goto(report_url(acme, day))
    before = digest(page)
    assert "Broken" in latency(page)
    page.goto(f"/admin/slas/exclusion/{history.pk}/change/")
    page.fill("#note", "Agreed.")
    page.click("button:text-is('Approve')")
    page.wait_for_selector("text=is approved.")
    page.goto(report_url(acme, day))
    assert digest(page) != before
    assert "without exclusions (1 h)" in latency(page)
    page.goto(f"/admin/slas/exclusion/{history.pk}/change/")
    page.click("button:text-is('Withdraw')")
    page.wait_for_selector("text=is withdrawn.")
    page.goto(report_url(acme, day))
    assert digest(page) == before
    assert errors == []


def test_a_repeated_exclusion_is_requested_by_its_form(history: Exclusion, open_as: Open) -> None:
    page, errors = open_as("rita")
    page.goto("/admin/slas/exclusion/add/")
    page.select_option("#id_category", "maintenance")
    page.fill("#id_reason", "The weekly window.")
    page.fill("#id_zone", "Europe/Berlin")
    page.fill("#id_starts_at_0", "2026-03-01")
    page.fill("#id_starts_at_1", "02:00")
    page.fill("#id_rrule", "FREQ=WEEKLY;BYDAY=SU")
    page.fill("#id_duration_minutes", "120")
    page.click("button[name=_save]")
    page.wait_for_selector("text=It counts once another person has approved it.")
    assert "FREQ=WEEKLY;BYDAY=SU, 02:00 for 120 min (Europe/Berlin)" in page.inner_text(
        "#exclusion"
    )
    assert page.locator("text=Next times").count() == 1
    assert errors == []


def test_on_paper_the_report_is_light_and_alone_even_in_dark_mode(
    acme: Client, day: datetime, approved: Exclusion, open_as: Open
) -> None:
    page, _errors = open_as("vic")
    page.emulate_media(color_scheme="dark")
    page.goto(report_url(acme, day))
    background = "element => getComputedStyle(element).backgroundColor"
    assert page.eval_on_selector("#report", background) != "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark", media="print")
    assert page.eval_on_selector("#report", background) == "rgb(255, 255, 255)"
    assert not page.is_visible("form[aria-label='Choose the report']")
    assert page.is_visible("#digest")


def test_the_pages_fit_a_desktop_and_a_phone(
    acme: Client, globex: Client, day: datetime, approved: Exclusion, open_as: Open
) -> None:
    page, errors = open_as("sam")
    pages = {
        "report": report_url(acme, day),
        "report-empty": report_url(globex, day - 300 * DAY),
        "report-choose": "/admin/slas/report/",
        "exclusions": "/admin/slas/exclusion/",
        "exclusion": f"/admin/slas/exclusion/{approved.pk}/change/",
        "exclusion-add": "/admin/slas/exclusion/add/",
    }
    for name, url in pages.items():
        page.goto(url)
        look(page, name)
    assert errors == []
