"""Triage as people do it: by keyboard and by thumb, two at once, and without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from accounts.models import Client, Team
from alerts.models import Alert
from tests.e2e.browser import shoot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
OpenAs = Callable[[str], tuple[Page, list[str]]]
INBOX = "/admin/alerts/alert/"
LONG = "a_service_level_agreement_whose_name_has_no_end_and_no_space_to_break_it_at"


def path_of(alert: Alert) -> str:
    """Where the alert's page is."""
    return reverse("admin:alerts_alert_change", args=[alert.pk])


@pytest.fixture(autouse=True)
def _team(alert: Alert) -> None:
    """Whom alerts can be handed to beside people."""
    Team.objects.create(name="Core platform")


@pytest.fixture
def others(alert: Alert, globex: Client) -> Alert:
    """Two more alerts; the one with the long name is returned."""
    Alert.objects.filter(pk=alert.pk).update(impact_score=9, impact={"budget_left": 0.31})
    common = {
        "alert_type": "sla_breach",
        "component": "cognitive_core",
        "metric_name": "m",
        "threshold_value": 3000,
        "actual_value": 4210,
        "unit": "ms",
        "client": globex,
        "severity": "high",
    }
    Alert.objects.create(
        alert_message="Late.", objective="sla:b:latency", fingerprint="b", **common
    )
    return Alert.objects.create(
        alert_message=f"{LONG} is broken. " * 4,
        objective=f"sla:{LONG}:latency",
        fingerprint="c",
        recommended_action=f"Look at `{LONG}`.\n\n| a | b |\n|-|-|\n| {LONG} | 2 |",
        **common,
    )


def test_the_inbox_is_worked_off_by_keyboard(others: Alert, open_as: OpenAs) -> None:
    page, errors = open_as("rita")
    page.goto(INBOX)
    expect(page.locator(".aio-tabs a").first).to_contain_text("All 4")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    for key in ("j", "j", "k", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("#picked")).to_have_text("2 selected")
    page.keyboard.press("a")
    expect(page.locator("#bulk-note")).to_be_focused()
    page.keyboard.type("Both are mine.")
    page.click("#bulk-form button[type=submit]")
    expect(page.get_by_text("2 alerts are acknowledged.")).to_be_visible()
    page.goto(f"{INBOX}?tab=mine")
    expect(page.locator(".aio-line")).to_have_count(2)
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("no such thing")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    assert errors == []


def test_an_alert_is_worked_off_by_keyboard(others: Alert, alert: Alert, open_as: OpenAs) -> None:
    page, errors = open_as("rita")
    newest = page.locator(".aio-step").first
    page.goto(INBOX)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#plot canvas")).to_be_visible()
    # Acknowledge, with a comment.
    page.keyboard.press("a")
    page.keyboard.type("Looking at the model pool.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"Alert #{alert.pk} is acknowledged.")).to_be_visible()
    expect(newest).to_contain_text("Acknowledged by rita")
    expect(newest).to_contain_text("Looking at the model pool.")
    # Comment: a half-written one outlives a reload, and ends when it is sent.
    page.keyboard.press("c")
    page.keyboard.type("@ad")
    expect(page.locator("#mentions")).to_contain_text("@ada")
    page.keyboard.press("Enter")
    page.reload()
    expect(page.locator("#comment-note")).to_have_value("@ada ")
    page.keyboard.press("c")
    page.keyboard.press("End")
    page.keyboard.type("look")
    page.keyboard.press("Control+Enter")
    expect(newest.locator(".aio-mention")).to_have_text("@ada")
    expect(page.locator("#comment-note")).to_have_value("")
    # Hand over.
    page.keyboard.press("e")
    page.select_option("#assign-assignee", label="ada")
    page.select_option("#assign-team", label="Core platform")
    page.fill("#assign-note", "I am off at six.")
    page.keyboard.press("Control+Enter")
    expect(newest).to_contain_text("Assigned by rita to ada and Core platform")
    expect(page.locator(".aio-alert__head")).to_contain_text("ada Core platform")
    # Resolve.
    page.keyboard.press("r")
    page.select_option("#resolve-resolution", "rolled_back")
    page.keyboard.type("Back to the version before.")
    page.keyboard.press("Control+Enter")
    expect(newest).to_contain_text("Resolved by rita as “Rolled back”")
    assert errors == []


def test_the_second_sees_what_the_first_did_and_loses_no_word(
    alert: Alert, open_as: OpenAs
) -> None:
    late, errors = open_as("rita")
    late.clock.install()
    late.goto(path_of(alert))
    late.fill("#comment-note", "Half a com")
    late.locator("#comment-note").blur()
    late.keyboard.press("r")
    late.keyboard.type("Rolled back")
    first, _errors = open_as("ada")
    first.goto(path_of(alert))
    first.click("#acknowledge-form button")
    expect(first.locator(".aio-step--acknowledged")).to_be_visible()
    late.clock.fast_forward(6_000)
    expect(late.locator(".aio-step--acknowledged")).to_contain_text("Acknowledged by ada")
    expect(late.locator(".aio-others")).to_contain_text("ada")
    expect(late.locator(".aio-moved")).to_contain_text("Acknowledged by ada while you were writing")
    late.click("text=Take note, and go on")
    late.clock.fast_forward(1_000)
    expect(late.locator("#resolve-note")).to_have_value("Rolled back")
    # What is decided on before the page has heard of it is refused, and no word is lost.
    first.keyboard.press("e")
    first.select_option("#assign-team", label="Core platform")
    first.click("#assign-form button")
    expect(first.locator(".aio-step--assigned")).to_be_visible()
    late.click("#resolve-form button")
    expect(late.get_by_text("ada assigned it; it is acknowledged now")).to_be_visible()
    expect(late.locator("#resolve-note")).to_have_value("Rolled back")
    expect(late.locator("#comment-note")).to_have_value("Half a com")
    late.click("#resolve-form button")
    expect(late.locator(".aio-step--resolved")).to_contain_text("Rolled back")
    expect(late.locator("#comment-note")).to_have_value("Half a com")
    assert [error for error in errors if "409" not in error] == []


def test_long_names_fit_a_phone_and_a_desk(others: Alert, alert: Alert, open_as: OpenAs) -> None:
    page, errors = open_as("rita")
    paths = {"inbox": INBOX, "alert": path_of(alert), "alert-long": path_of(others)}
    for name, path in paths.items():
        page.goto(path)
        for width, theme in ((1440, "light"), (390, "dark")):
            shoot(page, name, width, theme)
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
    assert errors == []


@pytest.fixture
def plain(portal: str, browser: Browser) -> Page:
    """A page in a browser without scripts."""
    return browser.new_context(base_url=portal, java_script_enabled=False).new_page()


def test_it_works_without_scripts(others: Alert, alert: Alert, plain: Any) -> None:
    plain.goto("/admin/login/")
    sign_in = plain.context.request
    # unfold's own sign-in page hides itself without scripts.
    token = plain.locator("#login-form input[name=csrfmiddlewaretoken]").get_attribute("value")
    form = {"username": "rita", "password": "a-long-passphrase", "csrfmiddlewaretoken": token}
    assert sign_in.post("/admin/login/", form=form, headers={"Referer": plain.url}).ok
    plain.goto(INBOX)
    plain.check(f"input[name=_selected_action][value='{alert.pk}']")
    plain.click("text=Hand over")
    plain.select_option("#bulk-assignee", label="ada")
    plain.click("#bulk-form button[type=submit]")
    expect(plain.get_by_text(f"Alert #{alert.pk} is handed over.")).to_be_visible()
    plain.goto(path_of(alert))
    expect(plain.locator("#chart img")).to_be_visible()
    plain.fill("#comment-note", "Said without scripts.")
    plain.click("#comment-form button")
    expect(plain.locator(".aio-step--commented")).to_contain_text("Said without scripts.")
