"""Alert rules in a browser: one that can't fire is refused with the arithmetic, the other shown."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import look, shoot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
Open = Callable[[str], tuple[Page, list[str]]]


def test_a_rule_is_refused_mended_and_shows_what_it_finds(portal: str, open_as: Open) -> None:
    page, errors = open_as("sam")
    page.goto(f"{portal}/admin/slas/burnrule/add/")
    page.locator("#id_sla").select_option(label="simple_queries")
    page.fill("#id_name", "steep")
    page.fill("#id_long_minutes", "60")
    page.fill("#id_short_minutes", "5")
    page.fill("#id_burn", "25")
    page.locator("[name=_continue]").first.click()
    expect(page.get_by_text("1 / (1 − 0.95) = 20").first).to_be_visible()
    page.fill("#id_burn", "10")
    page.locator("[name=_continue]").first.click()
    table = page.locator("#detection")
    expect(table.locator("tbody tr", has_text="simple_queries: latency")).to_contain_text("30")
    look(page, "alert-rule")
    page.goto(f"{portal}/admin/slas/burnrule/")
    expect(page.locator("#result_list tbody tr")).to_contain_text("1h/5m")
    shoot(page, "alert-rules", 1440, "light")
    assert errors == []
