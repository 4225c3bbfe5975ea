"""What the database measures against a recount of the same rows in Python."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Client
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from slas import compliance
from slas.judge import Figures
from slas.objectives import Kind, Objective

END = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
START = END - timedelta(minutes=5)
MODELS = ("epic", "rework")
Make = Callable[..., Objective]


@dataclass(frozen=True)
class Drawn:
    """A row of the generated history."""

    value: float
    seconds: float  # after the window's start; the window is 300 s
    customer: bool
    success: bool
    synthetic: bool
    complexity: str | None
    models: tuple[str, ...]
    unit: str
    metric: str
    stars: float | None


rows = st.builds(
    Drawn,
    value=st.one_of(st.sampled_from([0.0, 3000.0, 3000.001]), st.integers(1, 9000).map(float)),
    # The edges: the start is out, the end is in.
    seconds=st.one_of(st.sampled_from([0.0, 0.001, 300.0, 300.001]), st.floats(-20, 320)),
    customer=st.booleans(),
    success=st.booleans(),
    synthetic=st.booleans(),
    complexity=st.sampled_from([None, "simple", "moderate"]),
    models=st.sampled_from([(), ("epic",), ("rework",), MODELS]),
    unit=st.sampled_from(["ms", "ms", "seconds"]),
    metric=st.sampled_from(["conversational_query_response_time", "embedding_generation_time"]),
    stars=st.one_of(st.none(), st.sampled_from([1.0, 2.5, 4.0, 5.0])),
)
selections = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(Kind),
        "query_complexity": st.sampled_from(["", "simple"]),
        "model": st.sampled_from(["", "epic"]),
        "include_synthetic": st.booleans(),
        "share": st.sampled_from([50.0, 95.0, 100.0]),
    }
)


def _stored(drawn: Drawn, number: int, client: Client) -> Row:
    return Row(
        metric_name=drawn.metric,
        metric_category="ai_query",
        metric_value=drawn.value,
        measurement_unit=drawn.unit,
        component="cognitive_core",
        service_name="tests",
        client_id=client.pk,
        request_id=f"r{number}",
        query_complexity=drawn.complexity,  # type: ignore[arg-type]
        ml_models_used=list(drawn.models) or None,
        user_satisfaction_score=drawn.stars,
        timestamp=START + timedelta(seconds=drawn.seconds),
        success=drawn.success,
    )


def _counts(drawn: Drawn, objective: Objective) -> bool:
    rated = objective.kind == Kind.SATISFACTION
    return (
        START <= START + timedelta(seconds=drawn.seconds) <= END
        and drawn.metric == objective.metric_name
        and (drawn.stars is not None if rated else drawn.unit == objective.unit)
        and objective.query_complexity in ("", drawn.complexity)
        and (not objective.model or objective.model in drawn.models)
        and (objective.include_synthetic or not drawn.synthetic or not drawn.customer)
    )


def _recount(picked: list[Drawn], objective: Objective) -> dict[str, Any]:
    stars = [row.stars for row in picked if row.stars is not None]
    good = [row for row in picked if row.success and row.value <= objective.good_within]
    succeeded = sorted(row.value for row in picked if row.success)
    return {
        "total": len(picked),
        "succeeded": len(succeeded),
        "good": len(good),
        "percentile": _percentile(succeeded, objective.share),
        "percentile_all": _percentile(sorted(row.value for row in picked), objective.share),
        "median": statistics.median(succeeded) if succeeded else None,
        "mean": statistics.fmean(row.value for row in picked),
        "largest": max(row.value for row in picked),
        "votes": len(stars),
        "rating": statistics.fmean(stars) if stars else None,
        "users": 0,
    }


def _percentile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    place = (len(ordered) - 1) * share / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _agrees(figures: Figures, expected: dict[str, Any]) -> bool:
    return all(getattr(figures, name) == pytest.approx(expected[name]) for name in expected)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(rows, max_size=40), selection=selections)
def test_measuring_equals_a_recount_of_the_rows(
    acme: Client,
    platform: Client,
    objective: Make,
    history: list[Drawn],
    selection: dict[str, Any],
) -> None:
    promise = objective(**selection)
    with transaction.atomic():
        for synthetic in (True, False):
            store(
                [
                    _stored(row, number, acme if row.customer else platform)
                    for number, row in enumerate(history)
                    if row.synthetic == synthetic
                ],
                synthetic=synthetic,
            )
        findings = {found.client_id: found for found in compliance.measure(promise, START, END)}
        transaction.set_rollback(True)
    for client in (acme, platform):
        of_client = [row for row in history if row.customer == (client == acme)]
        picked = [row for row in of_client if _counts(row, promise)]
        assert (client.pk in findings) == bool(picked)
        if picked:
            assert _agrees(findings[client.pk].figures, _recount(picked, promise))
