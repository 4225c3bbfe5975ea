"""The admin as people see it: every main page in a real browser, and triage by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from alerts.models import Alert
from tests.e2e.browser import collect_console_errors, shoot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
OpenAs = Callable[[str], tuple[Page, list[str]]]

# path → a text that only the right page shows
EVERYONE = {
    "/admin/": "Component health",
    "/admin/alerts/alert/": "Simple queries: latency",
    "/admin/alerts/alertevent/": "The portal",
    "/admin/slas/sla/": "95 % within 3,000 ms",
    "/admin/slas/modeltarget/": "rework_risk_assessment",
    "/admin/slas/resourcelimit/": "max_queue_size",
    "/admin/slas/verdict/": "Simple queries: latency",
    "/admin/metrics/performancemetric/": "conversational_query_response_time",
    "/admin/metrics/minuterollup/": "conversational_query_response_time",
    "/admin/metrics/performancebaseline/": "8,500",
    "/admin/metrics/probe/": "Demo: AI terminal",
    "/admin/metrics/component/": "Cognitive core",
    "/admin/metrics/metricdefinition/": "queue_size",
    "/admin/accounts/client/": "Acme Manufacturing",
    "/admin/accounts/team/": "No results found",
}
MANAGER = {
    "/admin/slas/sla/add/": "target response time (ms)",
    "/admin/metrics/probe/add/": "Code of the component that is measured.",
}
ADMINISTRATOR = {
    "/admin/accounts/user/": "rita",
    "/admin/accounts/user/add/": "Password",
    "/admin/accounts/apikey/": "No results found",
    "/admin/accounts/apikey/add/": "What the key may do.",
}
PAGES = {
    "vic": EVERYONE,
    "sam": MANAGER,
    "ada": MANAGER | ADMINISTRATOR,
}
SUPERUSER = {
    "/admin/django_celery_beat/periodictask/": "Evaluation: verdicts and alerts",
    "/admin/django_celery_beat/periodictask/add/": "Set only one schedule type",
    "/admin/django_celery_beat/intervalschedule/": "every 5 seconds",
    "/admin/auth/group/": "Responder",
}


def path_of(alert: Alert) -> str:
    """Where the alert's page is."""
    return reverse("admin:alerts_alert_change", args=[alert.pk])


def faults_of(page: Page, path: str, text: str) -> list[str]:
    """What is wrong with a page: its status, its text, or that a phone must scroll sideways."""
    response = page.goto(path)
    assert response is not None
    faults = [] if response.status == 200 else [f"{path}: {response.status}"]
    shown = page.content().replace("&nbsp;", " ")
    if text.casefold() not in shown.casefold():
        faults.append(f"{path}: no “{text}”")
    page.set_viewport_size({"width": 390, "height": 844})
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append(f"{path}: wider than a phone")
    page.set_viewport_size({"width": 1440, "height": 900})
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_without_an_error(open_as: OpenAs, name: str) -> None:
    page, errors = open_as(name)
    faults = [fault for path, text in PAGES[name].items() for fault in faults_of(page, path, text)]
    assert faults + errors == []


def test_a_superuser_edits_schedules(people: dict[str, Any], portal: str, request: Any) -> None:
    people["ada"].is_superuser = True
    people["ada"].save()
    page, errors = request.getfixturevalue("open_as")("ada")
    faults = [fault for path, text in SUPERUSER.items() for fault in faults_of(page, path, text)]
    assert faults + errors == []


def test_the_front_page_looks_right_on_every_screen(alert: Alert, open_as: OpenAs) -> None:
    page, errors = open_as("rita")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.goto("/admin/")
        is_dark = page.evaluate("document.documentElement.classList.contains('dark')")
        assert is_dark == (theme == "dark")
        for width in (1440, 390):
            assert shoot(page, "front", width, theme).stat().st_size > 10_000
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert errors == []


def test_a_person_signs_in_and_sees_the_front_page(portal: str, browser: Browser) -> None:
    page = browser.new_context(base_url=portal, locale="en-GB").new_page()
    errors = collect_console_errors(page)
    page.goto("/admin/")
    page.fill("#id_username", "vic")
    page.fill("#id_password", "a-long-passphrase")
    page.click("#login-form button[type=submit]")
    page.wait_for_selector("#dashboard")
    assert errors == []


def test_the_front_page_refreshes_itself(alert: Alert, open_as: OpenAs) -> None:
    page, errors = open_as("rita")
    page.clock.install()
    page.goto("/admin/")
    listed = page.locator(f'#dashboard a[href="{path_of(alert)}"]')
    expect(listed).to_be_visible()
    other, _errors = open_as("ada")
    other.goto(path_of(alert))
    other.keyboard.press("r")
    other.click("#resolve-form button")
    expect(other.locator(".aio-step--resolved")).to_be_visible()
    page.clock.fast_forward(10_000)
    expect(listed).to_have_count(0)
    assert errors == []


def test_the_front_page_says_when_it_is_stale(open_as: OpenAs) -> None:
    page, _errors = open_as("rita")
    page.clock.install()
    page.goto("/admin/")
    expect(page.locator(".aio-asof__stale")).to_be_hidden()
    page.route("**/admin/", lambda route: route.abort())
    page.clock.fast_forward(10_000)
    expect(page.locator(".aio-asof__stale")).to_be_visible()
    expect(page.get_by_text("Component health")).to_be_visible()


def test_a_new_key_is_shown_once(open_as: OpenAs) -> None:
    page, errors = open_as("ada")
    page.goto("/admin/accounts/apikey/add/")
    page.fill("#id_name", "Terminal")
    page.check("text=Send metrics")
    page.click("button[name=_save]")
    expect(page.get_by_text("copy it now")).to_be_visible()
    page.reload()
    expect(page.get_by_text("copy it now")).to_have_count(0)
    assert errors == []
