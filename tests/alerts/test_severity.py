"""The severity table: as shipped, and what holds whatever it says."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError

from alerts.models import SeverityRule
from alerts.raising import severity
from alerts.raising.severity import BURN, ENDLESS, EXCESS, SHORTFALL, STARS, Facts, facts, grade
from slas.compliance import Finding
from slas.models import Criticality
from slas.objectives import Kind

Make = Callable[..., Finding]
LEVELS = ("low", "medium", "high", "critical")


@pytest.fixture
def shipped(db: None) -> list[SeverityRule]:
    return severity.table()


def breach(measure: str = BURN, value: float = 0.0, **fields: object) -> Facts:
    known = {"alert_type": "sla_breach", "tier": "standard", "criticality": "normal", "bad": 50}
    return Facts(measure=measure, value=value, **{**known, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measure", "steps"),
    [
        (BURN, {1.2: "low", 1.99: "low", 2: "medium", 4.99: "medium", 5: "high", 10: "critical"}),
        (EXCESS, {1.01: "low", 1.2: "medium", 1.49: "medium", 1.5: "high", 2: "critical"}),
        (SHORTFALL, {1.0: "low", 10.0: "medium", 20.0: "high", 29.0: "high", 30.0: "critical"}),
        (STARS, {0.25: "low", 0.5: "medium", 1.0: "high", 1.5: "critical", 3.5: "critical"}),
    ],
)
def test_it_follows_from_how_far_the_promise_is_missed(
    shipped: list[SeverityRule], measure: str, steps: dict[float, str]
) -> None:
    assert {v: grade(breach(measure, v), shipped).severity for v in steps} == steps


@pytest.mark.parametrize("value", [1.0, 2.0, 5.0, 10.0, 100.0])
@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"tier": "enterprise"}, 1),
        ({"criticality": "critical"}, 1),
        ({"tier": "enterprise", "criticality": "low"}, 0),
        ({"tier": "platform"}, 0),
        ({"tier": "business"}, 0),
        ({"criticality": "low"}, -1),
    ],
)
def test_tier_and_criticality_raise_or_lower_it_by_a_step(
    shipped: list[SeverityRule], value: float, fields: dict[str, str], step: int
) -> None:
    usual = LEVELS.index(grade(breach(value=value), shipped).severity)
    expected = LEVELS[min(max(usual + step, 0), 3)]
    assert grade(breach(value=value, **fields), shipped).severity == expected


@pytest.mark.parametrize("criticality", Criticality.values)
def test_no_alert_falls_through_the_table(shipped: list[SeverityRule], criticality: str) -> None:
    for kind in ("sla_breach", "no_data", "predictive", "self", "probe_failed", "resource_limit"):
        graded = grade(breach("", alert_type=kind, criticality=criticality, bad=None), shipped)
        assert "severity table, row" in graded.reason


def test_the_reason_names_the_figure_and_the_row(shipped: list[SeverityRule]) -> None:
    row = next(one for one in shipped if one.tier == "enterprise" and not one.criticality)
    graded = grade(breach(value=7.25, tier="enterprise"), shipped)
    assert graded.reason == (
        f"bad events at 7.2 times the allowed share (severity table, row {row.position}: "
        "enterprise client, burn ≥ 5× or excess ≥ 1.5× or short by ≥ 20 % or missed by ≥ 1 stars)"
    )


@pytest.mark.parametrize(("bad", "level"), [(1, "medium"), (2, "medium"), (3, "critical")])
def test_one_or_two_bad_events_are_never_more_than_medium(
    shipped: list[SeverityRule], bad: int, level: str
) -> None:
    assert grade(breach(value=ENDLESS, bad=bad), shipped).severity == level


def test_a_rule_that_makes_tickets_is_never_critical(shipped: list[SeverityRule]) -> None:
    graded = grade(breach(value=100.0, pages=False), shipped)
    assert (graded.severity, "tickets" in graded.reason) == ("high", True)


def test_the_first_row_that_fits_decides(shipped: list[SeverityRule]) -> None:
    first = SeverityRule(position=1, least_burn=3.0, severity="low")
    assert grade(breach(value=50.0), [first, *shipped]).severity == "low"
    assert grade(breach(value=2.5), [first, *shipped]).severity == "medium"
    assert grade(breach(STARS, 2.0), [first, *shipped]).severity == "critical"


def test_without_a_row_it_is_medium_and_says_so() -> None:
    graded = grade(breach(value=50.0), [])
    assert (graded.severity, "no row" in graded.reason) == ("medium", True)


def test_a_row_that_is_disabled_is_not_tried(shipped: list[SeverityRule]) -> None:
    SeverityRule.objects.filter(position=shipped[0].position).update(enabled=False)
    assert [one.pk for one in severity.table()] == [one.pk for one in shipped[1:]]


def test_two_rows_never_share_a_position(shipped: list[SeverityRule]) -> None:
    with pytest.raises(IntegrityError, match="severity_rules_position"):
        SeverityRule.objects.create(position=shipped[0].position, severity="low")


@pytest.mark.parametrize(
    ("kind", "fields", "measure", "value", "bad"),
    [
        (Kind.LATENCY, {"total": 100, "good": 90}, BURN, 2.0, 10),
        (Kind.AVAILABILITY, {"total": 100, "good": 99, "share": 100.0}, BURN, ENDLESS, 1),
        (Kind.LIMIT, {"mean": 150.0, "threshold": 100.0}, EXCESS, 1.5, None),
        (Kind.LIMIT, {"mean": 1.0, "threshold": 0.0}, EXCESS, ENDLESS, None),
        (Kind.SATISFACTION, {"votes": 9, "rating": 3.6, "threshold": 4.1}, STARS, 0.5, None),
    ],
)
def test_what_is_graded_is_the_findings_own_measure(
    finding: Make,
    kind: Kind,
    fields: dict[str, float],
    measure: str,
    value: float,
    bad: int | None,
) -> None:
    found = facts(finding(kind, criticality="high", **fields), "business")
    assert (found.tier, found.criticality) == ("business", "high")
    assert (found.measure, found.value, found.bad) == (measure, value, bad)
