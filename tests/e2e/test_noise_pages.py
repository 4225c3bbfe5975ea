"""Silences, incidents and the noise ledger in a browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Client, User
from alerts.models import Alert, Incident
from alerts.raising import opening
from alerts.triage import flapping, lifecycle
from alerts.triage.people import mark
from tests.e2e.browser import SCREENSHOTS, VIEWPORT_HEIGHT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
Open = Callable[[str], tuple[Page, list[str]]]


def shots(page: Page, name: str) -> None:
    """The page on a desktop and a phone, light and dark; nothing sticks out sideways."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": VIEWPORT_HEIGHT[width]})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
        for theme in ("light", "dark"):
            page.evaluate(
                "dark => document.documentElement.classList.toggle('dark', dark)", theme == "dark"
            )
            path = SCREENSHOTS / f"{name}-{width}-{theme}.png"
            page.screenshot(path=path, animations="disabled", full_page=True)
    page.set_viewport_size({"width": 1440, "height": VIEWPORT_HEIGHT[1440]})


def breach(client: Client, what: str, severity: str, component: str = "cognitive_core") -> Alert:
    """An evaluation finds it."""
    alert = Alert(
        alert_type="sla_breach",
        severity=severity,
        component=component,
        metric_name="conversational_query_response_time",
        threshold_value=3000,
        actual_value=9000,
        unit="ms",
        alert_message=f"{what} is broken for {client}.",
        client=client,
        objective=f"sla:simple_queries:{what}",
        fingerprint=f"{client.pk}/{component}/{what}",
    )
    opened = opening.open_alert(alert, note=alert.alert_message)
    assert opened is not None
    return opened


@pytest.fixture
def trouble(alert: Alert, people: dict[str, User], acme: Client, globex: Client) -> Incident:
    """An incident of two clients and components, and a rule that cries wolf."""
    breach(globex, "availability", "high")
    breach(acme, "satisfaction", "critical")
    breach(acme, "latency", "low", component="user_interface")
    for _ in range(3):
        flapping.recover(breach(acme, "learning_integration", "low").pk, "Kept again for Acme.")
    rita = people["rita"]
    lifecycle.acknowledge(alert.pk, acting_user=rita, version=alert.version, note="Mine.")
    mark(alert.pk, acting_user=rita, actionable=False)
    assert alert.incident is not None
    return alert.incident


@pytest.fixture(autouse=True)
def _spikes(portal: str, acme: Client, make_rows: Callable[..., Any]) -> None:
    """Each hour a few slow requests in one minute."""
    now = timezone.now().replace(second=0, microsecond=0)
    for hours in range(2, 9):
        at = now - timedelta(hours=hours)
        make_rows(acme, [9000.0] * 6, timestamp=at)
        for minute in range(1, 8):
            make_rows(acme, [500.0] * 40, timestamp=at + timedelta(minutes=minute))


def test_a_silence_is_made_with_a_preview_and_ended(alert: Alert, open_as: Open) -> None:
    page, errors = open_as("rita")
    page.goto("/admin/alerts/silence/add/")
    page.locator("#id_matchers").fill("component cognitive_core")
    expect(page.locator("#silence-answer")).to_contain_text("Line 1: write a name")
    page.locator("#id_matchers").fill("component = cognitive_core\nseverity >= low")
    expect(page.locator("#silence-answer")).to_contain_text("2 open alerts match now")
    page.locator("#id_reason").fill("The index is rebuilt tonight.")
    shots(page, "silence-add")
    page.locator("[name=_save]").first.click()
    expect(page.locator("#silence")).to_contain_text("In force")
    shots(page, "silence")
    page.get_by_role("button", name="End the silence").click()
    expect(page.locator("#silence")).to_contain_text("Ended")
    expect(page.get_by_role("button", name="End the silence")).to_have_count(0)
    page.goto("/admin/alerts/silence/")
    shots(page, "silences")
    assert errors == []


def test_an_incident_tells_its_story(trouble: Incident, open_as: Open) -> None:
    page, errors = open_as("vic")
    page.goto("/admin/alerts/incident/")
    shots(page, "incidents")
    page.locator("#result_list a", has_text=trouble.title).first.click()
    expect(page.locator("#incident")).to_contain_text("Joined an incident")
    shots(page, "incident")
    assert errors == []


def test_the_ledger_names_what_is_noisy_and_what_would_be_quieter(
    trouble: Incident, open_as: Open
) -> None:
    page, errors = open_as("sam")
    page.goto("/admin/alerts/noise/?days=7")
    shots(page, "noise")
    page.get_by_role("button", name="What would be quieter?").first.click()
    expect(page.locator("#proposal")).to_contain_text("Nothing is changed by this page")
    shots(page, "noise-proposal")
    assert errors == []
