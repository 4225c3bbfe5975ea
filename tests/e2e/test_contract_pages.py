"""Contracts in a browser: entered as people write them, refused in place, changed with a reason."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Client
from slas import versions
from slas.models import Contract, Sla
from tests.e2e.browser import look

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
Open = Callable[[str], tuple[Page, list[str]]]
TODAY = timezone.now().date()


@pytest.fixture
def contracts(portal: str, acme: Client, globex: Client) -> Contract:
    """Acme's contract on simple queries, and others that ended or wait."""
    long = Client.objects.create(
        code="long", name="Zweckverband für Wasser- und Abwasserwirtschaft Oberpfalz-Süd GmbH & Co."
    )
    simple = Sla.objects.get(code="simple_queries")
    found = Contract.objects.create(
        client=acme,
        sla=simple,
        reference="ACME-2026-17",
        valid_from=TODAY - timedelta(days=5),
        target_response_time=2000,
        availability=99.9,
        internal_availability=99.95,
        credit_terms=[{"below": 99.0, "percent": 10.0}, {"below": 95.0, "percent": 25.0}],
        monthly_fee=8000,
        business_hours=[{"day": day, "from": "08:00", "until": "18:00"} for day in range(5)],
        business_impact="Their planners wait.",
    )
    for client, days in ((globex, (-60, -20)), (long, (10, 400))):
        Contract.objects.create(
            client=client,
            sla=simple,
            valid_from=TODAY + timedelta(days=days[0]),
            valid_until=TODAY + timedelta(days=days[1]),
            availability=99.0,
        )
    versions.sync(timezone.now(), reason="Signed by both.")
    return found


def test_a_contract_is_entered_refused_and_mended(portal: str, open_as: Open) -> None:
    page, errors = open_as("sam")
    page.goto(f"{portal}/admin/slas/contract/add/")
    page.locator("#id_client").select_option(label="Globex Retail")
    page.locator("#id_sla").select_option(label="simple_queries")
    page.locator("#id_valid_from").fill(str(TODAY))
    page.locator("#id_credit_terms").fill("< 95 % → 25 %\n< 99 % → 10 %")
    page.locator("[name=_save]").first.click()
    expect(page.get_by_text("begin with the highest availability")).to_be_visible()
    page.locator("#id_credit_terms").fill("< 99 % → 10 %\n< 95 % → 25 %")
    page.locator("[name=_save]").first.click()
    row = page.locator("#result_list tbody tr")
    expect(row).to_contain_text("Globex Retail")
    expect(row).to_contain_text("In force")
    assert errors == []


def test_a_change_of_terms_asks_why_and_shows_up_as_a_version(
    portal: str, contracts: Contract, open_as: Open
) -> None:
    page, errors = open_as("sam")
    page.goto(f"{portal}/admin/slas/contract/{contracts.pk}/change/")
    page.locator("#id_availability").fill("99.8")
    page.locator("[name=_continue]").first.click()
    expect(page.get_by_text("Say why: the client's terms change.")).to_be_visible()
    page.locator("#id_reason").fill("Amendment 1.")
    page.locator("[name=_continue]").first.click()
    expect(page.get_by_text("Amendment 1.").first).to_be_visible()
    assert errors == []


def test_contracts_fit_every_screen(portal: str, contracts: Contract, open_as: Open) -> None:
    page, errors = open_as("sam")
    page.goto(f"{portal}/admin/slas/contract/")
    look(page, "contracts")
    page.goto(f"{portal}/admin/slas/contract/{contracts.pk}/change/")
    look(page, "contract")
    assert errors == []
