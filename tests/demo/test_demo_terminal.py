"""The matrix terminal in a real browser, on a phone's width."""

import pytest

from tests.e2e.browser import collect_console_errors


@pytest.mark.browser
def test_it_answers_a_typed_query_and_takes_a_vote(http, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    errors = collect_console_errors(page)
    page.goto(f"{http.base_url}/terminal")
    page.fill("#query", "How many people sent requests to the model InstructBabbage?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".facts:not(:empty)")
    assert "InstructBabbage" in page.inner_text(".answer")
    page.click("[data-vote=thumbs_up]")
    page.wait_for_selector("text=noted")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert errors == []
