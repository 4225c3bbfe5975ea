"""The severity table and the playbooks in a browser: try a row, preview a text."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from alerts.models import Alert, Playbook
from tests.e2e.browser import look

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
Open = Callable[[str], tuple[Page, list[str]]]
TABLE, BOOKS = "/admin/alerts/severityrule/", "/admin/alerts/playbook/"


@pytest.fixture
def book(alert: Alert) -> Playbook:
    """The playbook of the portal's alert."""
    assert alert.objective == "sla:simple_queries:latency"
    return Playbook.objects.get(name="Simple queries too slow")


def test_a_row_is_tried_on_the_alerts_before_it_is_saved(book: Playbook, open_as: Open) -> None:
    page, errors = open_as("sam")
    page.goto(f"{TABLE}add/")
    page.fill("#id_position", "5")
    page.select_option("#id_severity", "low")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="What the table would make").click()
    expect(opened.value.get_by_role("heading", name="Would change")).to_be_visible()
    expect(opened.value.get_by_text("row 5: any").first).to_be_visible()
    page.goto(f"{TABLE}preview/")
    expect(page.get_by_text("Every alert keeps its severity")).to_be_visible()
    assert errors == []


def test_a_playbook_is_read_as_an_alert_would_say_it(book: Playbook, open_as: Open) -> None:
    page, errors = open_as("sam")
    page.goto(f"{BOOKS}{book.pk}/change/")
    page.fill("#id_body", "Call about {worst_request} of {client}.")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="How it would read").click()
    expect(opened.value.get_by_text("Call about req-slow-1 of Acme Manufacturing.")).to_be_visible()
    page.fill("#id_body", "Call {nobody}.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("There is no {nobody}.")).to_be_visible()
    assert errors == []


def test_the_pages_fit_a_desktop_and_a_phone(book: Playbook, open_as: Open) -> None:
    page, _errors = open_as("sam")
    for name, url in {
        "severities": TABLE,
        "severity-row": f"{TABLE}add/",
        "severity-preview": f"{TABLE}preview/",
        "playbooks": BOOKS,
        "playbook": f"{BOOKS}{book.pk}/change/",
    }.items():
        page.goto(url)
        look(page, name)
    with page.expect_popup() as opened:
        page.get_by_role("button", name="How it would read").click()
    expect(opened.value.get_by_role("heading", name="Filled from")).to_be_visible()
    look(opened.value, "playbook-preview")
