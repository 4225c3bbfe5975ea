"""Contracts in OpenSLO: a client's own numbers, apart from those that are its SLA's."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Client
from slas.models import Contract, Sla, SloVersion
from slas.openslo import export, importing
from slas.openslo.importing import Action
from slas.openslo.vocabulary import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def contract(acme: Client) -> Contract:
    found = Contract(
        client=acme,
        sla=Sla.objects.get(code="simple_queries"),
        reference="R-117: “gold”",
        valid_from=date(2026, 1, 1),
        valid_until=date(2027, 12, 31),
        availability=99.9,
        latency_share=95.0,  # the SLA's number, but agreed
        internal_availability=99.95,
        credit_terms=[{"below": 99.0, "percent": 10.0}, {"below": 95.0, "percent": 25.0}],
        monthly_fee=Decimal("4200.50"),
        currency="USD",
        business_hours=[{"day": 0, "from": "08:00", "until": "18:00"}],
        business_impact="Agents wait.\nCallers hang up.",
    )
    found.full_clean()
    found.save()
    return found


def stored() -> list[dict[str, object]]:
    hidden = {"id", "created_at", "sla_id"}
    return [
        {name: value for name, value in row.items() if name not in hidden}
        for row in Contract.objects.order_by("valid_from").values()
    ]


def test_a_contract_comes_back_with_its_sla(contract: Contract) -> None:
    Contract.objects.create(client=contract.client, sla=contract.sla, valid_from=date(2028, 1, 1))
    before, text = stored(), export.export()
    assert len(before) == 2
    SloVersion.objects.all().delete()
    Contract.objects.all().delete()
    Sla.objects.all().delete()
    planned = importing.apply(text, timezone.now())
    assert stored() == before
    assert {str(one.sla) for one in Contract.objects.all()} == {"simple_queries"}
    assert not planned.unmapped
    assert export.export() == text
    assert SloVersion.objects.filter(contract__isnull=False).exists()


def test_a_preview_of_it_leaves_nothing_behind(contract: Contract) -> None:
    text = export.export()
    contract.delete()
    planned = importing.plan(text)
    assert [step.action for step in planned.steps].count(Action.CREATE) == 1
    assert not Contract.objects.exists()


def test_a_withdrawn_contract_is_no_promise(contract: Contract) -> None:
    Contract.objects.update(withdrawn=True)
    assert str(contract) not in export.export()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("aiosmon.io/client: acme", "aiosmon.io/client: nobody", "no client “nobody”"),
        ("aiosmon.io/sla: simple_queries", "aiosmon.io/sla: none", "no sla “none”"),
        ('["latency_share", "availability"]', '["latency_share"]', "but 99.5 in the SLA"),
        ('["latency_share", "availability"]', '["code"]', "no list"),
        ("valid-from: '2026-01-01'", "valid-from: '2026-01-32'", "no date"),
        ("valid-from: '2026-01-01'", "valid-from: '2029-01-01'", "last day"),
        ("monthly-fee: '4200.50'", "monthly-fee: much", "no decimal"),
        ('"percent": 10.0', '"percent": 1000', "percentage"),
    ],
)
def test_what_is_wrong_in_one_refuses_the_whole_text(
    contract: Contract, old: str, new: str, words: str
) -> None:
    text = export.export()
    assert old in text
    contract.delete()
    with pytest.raises(Refused, match=words):
        importing.apply(text.replace(old, new), timezone.now())
    assert not Contract.objects.exists()
