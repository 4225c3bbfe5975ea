"""An SLA is edited in a browser: tried on history, saved with a reason, seen in the versions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Client
from slas import versions
from slas.models import Sla
from tests.e2e.browser import SCREENSHOTS, VIEWPORT_HEIGHT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
Pages = Callable[[str], tuple[Page, list[str]]]
WHY = "Contract of 2027: answers within two and a half seconds."
HOURS = 5 * 24


@pytest.fixture
def sla(portal: str, acme: Client, globex: Client, make_rows: Callable[..., Any]) -> Sla:
    """A promise with days of history: Acme is slow each afternoon, Globex broke it once."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    versions.sync(now - timedelta(days=6))
    for hours in range(2, HOURS):
        at = now - timedelta(hours=hours)
        slow = 2700.0 if at.hour in (14, 15) else 800.0
        make_rows(acme, [slow] * 8 + [600.0] * 3, timestamp=at, user_satisfaction_score=4.6)
        lost = hours in (40, 41)
        make_rows(globex, [9000.0 if lost else 500.0] * 6, timestamp=at)
    return Sla.objects.get(code="simple_queries")


def shots(page: Page, name: str, part: str) -> None:
    """A part of the page as it stands, on a desktop and a phone, light and dark.

    The window is as high as the page, or the bar of buttons would lie over it.
    """
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": VIEWPORT_HEIGHT[width]})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
        page.set_viewport_size({"width": width, "height": 7000})
        for theme in ("light", "dark"):
            page.evaluate(
                "dark => document.documentElement.classList.toggle('dark', dark)", theme == "dark"
            )
            path = SCREENSHOTS / f"{name}-{width}-{theme}.png"
            page.locator(part).screenshot(path=path, animations="disabled")
    page.set_viewport_size({"width": 1440, "height": VIEWPORT_HEIGHT[1440]})


def test_an_sla_is_tried_on_history_then_saved_with_a_reason(sla: Sla, open_as: Pages) -> None:
    page, errors = open_as("sam")
    page.goto(f"/admin/slas/sla/{sla.pk}/change/")
    expect(page.locator("#versions .aio-step")).to_have_count(1)
    page.fill("#id_target_response_time", "2500")
    page.select_option("[name=backtest_days]", "7")
    page.click("#backtest-ask")
    latency = page.locator(".aio-bt__part").first
    expect(latency.locator("h3")).to_have_text("Simple queries: latency")
    expect(latency.locator(".aio-bt__client").first).to_contain_text("Acme Manufacturing")
    # Acme's afternoons would have been alerts; Globex' breach is one either way.
    expect(latency.locator(".aio-bt__lane--1").first.locator("rect")).not_to_have_count(0)
    globex = latency.locator(".aio-bt__client", has_text="Globex")
    expect(globex.locator(".aio-bt__lane--0 rect")).to_have_count(1)
    expect(globex.locator(".aio-bt__lane--1 rect")).to_have_count(1)
    shots(page, "backtest", "#backtest")
    page.click("#submit-row button[name=_continue]")
    expect(page.locator("#what-changes")).to_contain_text("within 2,500")
    shots(page, "promise-without-reason", "#content-main")
    page.fill("#id_reason", WHY)
    page.click("#submit-row button[name=_continue]")
    expect(page.locator("#versions .aio-step").first).to_contain_text(WHY)
    expect(page.locator("#versions .aio-step").first).to_contain_text("by sam")
    expect(page.locator("#id_target_response_time")).to_have_value("2500.0")
    shots(page, "promise-versions", "#versions")
    assert errors == []


def test_a_wrong_value_is_told_instead_of_a_backtest(sla: Sla, open_as: Pages) -> None:
    page, errors = open_as("sam")
    page.goto(f"/admin/slas/sla/{sla.pk}/change/")
    page.fill("#id_availability", "101")
    page.click("#backtest-ask")
    expect(page.locator("#backtest-answer")).to_contain_text("Availability")
    page.fill("#id_availability", "99")
    expect(page.locator("#backtest-state")).to_have_text("Values have changed since.")
    assert errors == []
