"""Business impact: budget, exhaustion, credit, the sentence and the score."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Client, User
from alerts.models import Alert
from alerts.raising import evaluation, impact
from metrics import rollups
from slas import slis, versions
from slas.compliance import Finding
from slas.models import Contract, Sla
from slas.objectives import Kind

MakeRows = Callable[..., Any]
NONE: dict[str, Any] = {
    "bad": 2, "total": 9, "users": 0, "budget_spent": None, "budget_left": None,
    "exhausted_at": None, "credit": None,
}  # fmt: skip


@pytest.fixture
def minute() -> datetime:
    """A whole minute, the rows before it counted."""
    return timezone.now().replace(second=0, microsecond=0)


def counted(now: datetime) -> Any:
    """Evaluate with everything rolled up and counted."""
    versions.sync(now - timedelta(days=20))
    rollups.roll_up_all()
    slis.count_all()
    evaluation.evaluate(now)
    return Alert.objects.get(objective__contains="simple_queries").impact


@pytest.mark.django_db
def test_the_budget_is_that_of_the_last_thirty_days(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], minute: datetime
) -> None:
    make_rows(acme, [100.0] * 980, timestamp=minute - timedelta(days=3))
    make_rows(acme, [4000.0] * 20, timestamp=minute - timedelta(minutes=2), user_id=make_user().pk)
    found = counted(minute)
    # 5 % of 1,000 may be bad: 20 of 50 are spent; all bad burns 20 times too fast.
    assert found["budget_spent"] == pytest.approx(0.4)
    assert found["budget_left"] == pytest.approx(0.6)
    assert (found["bad"], found["total"], found["users"], found["clients"]) == (20, 20, 1, 1)
    assert found["burn"] == 20.0
    exhausted = datetime.fromisoformat(found["exhausted_at"])
    assert abs(exhausted - minute - timedelta(days=30 * 0.6 / 20)) < timedelta(seconds=1)
    sentence = Alert.objects.get().business_impact
    assert sentence is not None
    assert sentence.startswith(
        "20 of 20 requests of Acme Manufacturing missed the promise (1 signed-in users). "
        "40\u00a0% of the 30-day budget is spent; at this rate the rest lasts 21\u00a0h."
    )


@pytest.mark.django_db
def test_what_the_contract_would_give_back_is_at_stake(
    acme: Client, make_rows: MakeRows, minute: datetime
) -> None:
    Contract.objects.create(
        client=acme,
        sla=Sla.objects.get(code="simple_queries"),
        valid_from=date(2026, 1, 1),
        credit_terms=[{"below": 99.5, "percent": 10}, {"below": 95, "percent": 25}],
        monthly_fee=Decimal("4000"),
    )
    make_rows(acme, [100.0] * 990, timestamp=minute - timedelta(minutes=20))
    make_rows(acme, [100.0] * 10, timestamp=minute - timedelta(minutes=2), success=False)
    versions.sync(minute - timedelta(days=20))
    rollups.roll_up_all()
    slis.count_all()
    evaluation.evaluate(minute)
    alert = Alert.objects.get(objective__endswith="availability")
    credit = alert.impact["credit"]
    assert (credit["due_percent"], credit["due_amount"]) == (10.0, "400.00")
    assert credit["attained"] == pytest.approx(99.0)
    assert (credit["currency"], credit["terms"]) == ("EUR", "< 99.5 % → 10 %\n< 95 % → 25 %")
    assert credit["projected"] < credit["attained"]
    assert credit["percent"] in {10.0, 25.0}
    assert "At stake this month: a credit of" in (alert.business_impact or "")


@pytest.mark.parametrize(
    ("good", "total", "share", "rest", "percent"),
    [
        (990, 1000, 0.0, 0.0, 99.0),  # the month is over
        (990, 1000, 1.0, 9.0, 99.9),
        (1000, 1000, 0.5, 1.0, 75.0),
        (0, 0, 0.25, 5.0, 25.0),
    ],
)
def test_the_months_end_is_projected_from_its_traffic(
    good: int, total: int, share: float, rest: float, percent: float
) -> None:
    assert impact.projected(good, total, share, rest) == pytest.approx(percent)


@pytest.mark.parametrize("kind", Kind)
def test_the_sentence_fits_its_column_whatever_the_names(
    finding: Callable[..., Finding], kind: Kind
) -> None:
    found = finding(
        kind,
        name="n" * 100,
        component="c" * 50,
        business_impact="b" * 255,
        votes=10**9,
        rating=1.0,
        mean=1.0,
    )
    text = impact.sentence(found, "ü" * 200, NONE)
    assert len(text) == impact.LENGTH
    assert text.endswith("…")


def test_a_sentence_that_fits_is_left_whole(finding: Callable[..., Finding]) -> None:
    found = finding(total=9, succeeded=9, good=7, business_impact="People wait.")
    text = impact.sentence(found, "Acme", NONE)
    assert text == "2 of 9 requests of Acme missed the promise. People wait."


PARTS = {
    "bad": st.integers(0, 10**9),
    "users": st.integers(0, 10**6),
    "budget_spent": st.floats(0, 50),
    "tier": st.sampled_from(["standard", "business", "enterprise"]),
    "criticality": st.sampled_from(["low", "normal", "high", "critical"]),
}


@settings(max_examples=50, deadline=None)
@given(st.fixed_dictionaries(PARTS), st.fixed_dictionaries(PARTS))
def test_the_score_never_falls_when_a_part_of_it_rises(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    now = timezone.now()
    levels = [*impact.TIERS, *impact.CRITICALITIES]
    for name in PARTS:
        larger = dict(one)
        value = other[name]
        rises = (
            levels.index(value) >= levels.index(one[name])
            if isinstance(value, str)
            else value >= one[name]
        )
        if rises:
            larger[name] = value
            assert impact.score("high", larger, now) >= impact.score("high", one, now)
    assert impact.score("critical", one, now) > impact.score("high", one, now)


def test_the_score_rises_with_what_is_at_stake_and_how_soon() -> None:
    now = timezone.now()
    soon, late = ((now + timedelta(hours=h)).isoformat() for h in (3, 300))
    scores = [
        impact.score("high", {}, now),
        impact.score("high", {"exhausted_at": late}, now),
        impact.score("high", {"exhausted_at": soon}, now),
        impact.score("high", {"exhausted_at": soon, "credit": {"amount": "500.00"}}, now),
    ]
    assert scores == sorted(set(scores))
