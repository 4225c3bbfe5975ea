"""Keys and ingestion's health in a real browser, on every screen."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts import keys
from accounts.models import ApiKey, Client
from tests.e2e import intake
from tests.e2e.browser import look

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
HEALTH = "/admin/metrics/intakeminute/health/"
Pages = Callable[[str], tuple[Page, list[str]]]


@pytest.fixture
def key(portal: str, acme: Client, globex: Client) -> ApiKey:
    """The busiest key of a portal that takes in much."""
    return intake.fill(acme, globex)


def test_every_page_looks_right_on_every_screen(key: ApiKey, open_as: Pages) -> None:
    page, errors = open_as("ada")
    for name, path in {
        "health": HEALTH,
        "keys": "/admin/accounts/apikey/",
        "key": f"/admin/accounts/apikey/{key.pk}/change/",
        "rotate": f"/admin/accounts/apikey/{key.pk}/rotate/",
        "services": "/admin/metrics/emitter/",
        "minutes": "/admin/metrics/intakeminute/",
        "refusals": "/admin/metrics/intakerejection/",
        "remembered": "/admin/metrics/idempotencykey/",
    }.items():
        page.goto(path)
        look(page, name)
    assert errors == []


def test_before_the_first_row_the_health_page_says_how_to_send_one(open_as: Pages) -> None:
    page, errors = open_as("vic")
    page.goto(HEALTH)
    look(page, "health-empty")
    expect(page.get_by_text("Nothing came in yet")).to_be_visible()
    expect(page.locator(".aio-filter")).to_have_count(0)
    assert errors == []


def test_a_key_is_rotated_and_its_successor_shown_once(key: ApiKey, open_as: Pages) -> None:
    page, errors = open_as("ada")
    page.goto(f"/admin/accounts/apikey/{key.pk}/change/")
    page.get_by_role("link", name="Rotate").first.click()
    page.check("text=1 hour")
    page.click("#rotate-form button")
    expect(page.locator(".aio-key")).to_have_count(1)
    expect(page.get_by_text("never used")).to_be_visible()
    page.reload()
    expect(page.locator(".aio-key")).to_have_count(0)
    page.goto(f"/admin/accounts/apikey/{key.pk}/change/")
    expect(page.get_by_text("Replaced by")).to_be_visible()
    expect(page.get_by_role("link", name="Rotate")).to_have_count(0)
    assert errors == []


def test_the_health_page_is_narrowed_and_refreshes_itself(key: ApiKey, open_as: Pages) -> None:
    page, errors = open_as("ada")
    page.clock.install()
    page.goto(HEALTH)
    expect(page.locator(".aio-reason")).to_have_count(4)
    page.select_option("#id_key", label=str(key))
    page.click("text=Show")
    expect(page.locator(".aio-reason")).to_have_count(1)
    page.evaluate("document.querySelector('.aio-reason').remove()")
    page.clock.fast_forward(10_000)
    expect(page.locator(".aio-reason")).to_have_count(1)
    page.click("text=Show all")
    expect(page.locator(".aio-reason")).to_have_count(4)
    assert errors == []


def test_a_silent_service_is_muted_from_the_health_page(key: ApiKey, open_as: Pages) -> None:
    page, errors = open_as("sam")
    page.goto(HEALTH)
    page.click("text=Mute those whose silence is expected")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.locator("#result_list tbody tr", has_text="assistant").locator(
        "input.action-select"
    ).check()
    page.select_option("select[name=action]", "mute")
    page.click("button[name=index]")
    expect(page.get_by_text("1 services muted.")).to_be_visible()
    page.goto(HEALTH)
    expect(page.locator("section[aria-labelledby=silent]")).not_to_contain_text("assistant")
    assert errors == []


def test_an_edit_that_was_begun_before_a_rotation_keeps_the_end(portal: str, request: Any) -> None:
    key, _ = keys.issue("Terminal", ["ingest"])
    page, errors = request.getfixturevalue("open_as")("ada")
    page.goto(f"/admin/accounts/apikey/{key.pk}/change/")
    other, _errors = request.getfixturevalue("open_as")("ada")
    other.goto(f"/admin/accounts/apikey/{key.pk}/rotate/")
    other.click("#rotate-form button")
    expect(other.locator(".aio-key")).to_have_count(1)
    page.fill("#id_name", "AI terminal")
    page.click("button[name=_save]")
    expect(page.get_by_text("Ending", exact=True)).to_be_visible()
    assert errors == []
