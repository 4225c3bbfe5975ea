"""The API's documentation page, in a browser that has nothing but the portal to load from."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import SCREENSHOTS, VIEWPORT_HEIGHT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
OpenAs = Callable[[str], tuple[Page, list[str]]]


def test_it_shows_every_operation_and_asks_no_other_host(open_as: OpenAs, portal: str) -> None:
    page, errors = open_as("vic")
    foreign: list[str] = []

    def only_the_portal(route: Route) -> Any:
        if route.request.url.startswith((portal, "data:")):
            return route.continue_()
        foreign.append(route.request.url)
        return route.abort()

    page.route("**/*", only_the_portal)
    page.goto("/admin/")
    page.click("text=API documentation")
    shown = page.locator("#operations-metrics-metrics_send")
    for width, height in VIEWPORT_HEIGHT.items():
        page.set_viewport_size({"width": width, "height": height})
        expect(shown).to_contain_text("/api/v1/metrics/")
        page.screenshot(path=SCREENSHOTS / f"api-docs-{width}-light.png", animations="disabled")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.locator(".opblock-summary-control").click()
    expect(shown).to_contain_text("Idempotency-Key")
    expect(shown).to_contain_text("Content-Encoding")
    page.click("#back a")
    page.wait_for_selector("#dashboard")
    assert foreign == []
    assert errors == []
