"""OpenSLO's page in a browser: choose a file, see what would change, import."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from slas.openslo import export
from tests.e2e.browser import look

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
PAGE = "/admin/openslo/"
Open = Callable[[str], tuple[Page, list[str]]]


@pytest.fixture
def text(portal: str) -> str:
    """The promises with other numbers, a new one, and what has no place here."""
    assert portal
    found = export.export().replace("targetPercent: 99.5", "targetPercent: 99.6")
    found = found.replace("within: 400.0", "within: 350.0")
    source = "---\napiVersion: openslo/v1\nkind: DataSource\nmetadata:\n  name: prometheus\n"
    return found + source + "spec:\n  type: Prometheus\n"


def preview(page: Page, text: str) -> None:
    page.goto(PAGE)
    file = {"name": "p.yaml", "mimeType": "application/yaml", "buffer": text.encode()}
    page.set_input_files("#id_file", file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Show what would change").click()


def test_a_file_is_chosen_looked_at_and_imported(text: str, open_as: Open) -> None:
    page, errors = open_as("sam")
    preview(page, text)
    expect(page.get_by_text("99.6", exact=True)).to_be_visible()
    page.get_by_label("Reason").fill("Agreed with the customer.")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("0 new, 2 changed")).to_be_visible()
    assert errors == []


def test_the_page_fits_a_desktop_and_a_phone(text: str, open_as: Open) -> None:
    page, _errors = open_as("sam")
    bad = text.replace("targetPercent: 99.6", "targetPercent: 996").replace("kind: SLI", "kind: S")
    page.goto(PAGE)
    look(page, "openslo")
    for name, shown in {"plan": text, "problems": bad}.items():
        preview(page, shown)
        page.wait_for_selector(f"#{name}")
        look(page, f"openslo-{name}")
