"""SLI minutes and hours equal a brute-force recount of the rows, whatever came when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Client
from metrics import rollups
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.models import ChangedMinute
from slas import slis, versions
from slas.models import Sla, SliHour, SliMinute, Slo, SloVersion
from slas.objectives import Kind

pytestmark = pytest.mark.django_db
BASE = (timezone.now() - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
METRICS = ("conversational_query_response_time", "embedding_generation_time")


@dataclass(frozen=True)
class Sent:
    """A row of the generated stream."""

    minute: int  # after BASE
    value: float
    success: bool
    metric: str
    complexity: str | None
    stars: float | None
    synthetic: bool
    model: str | None


sent = st.builds(
    Sent,
    minute=st.sampled_from([0, 1, 59, 60, 61, 125]),
    value=st.sampled_from([10.0, 3000.0, 3000.5, 6000.0, 20_000.0]),
    success=st.booleans(),
    metric=st.sampled_from(METRICS),
    complexity=st.sampled_from([None, "simple", "moderate"]),
    stars=st.sampled_from([None, 1.0, 4.5, 5.0]),
    synthetic=st.booleans(),
    model=st.sampled_from([None, "epic"]),
)


def stored(rows: list[Sent], client: Client) -> None:
    for synthetic in (False, True):
        store(
            [
                Row(
                    metric_name=one.metric,
                    metric_category="ai_query",
                    metric_value=one.value,
                    measurement_unit="ms",
                    component="cognitive_core",
                    service_name="tests",
                    query_complexity=one.complexity,  # type: ignore[arg-type]
                    client_id=client.pk,
                    timestamp=BASE + timedelta(minutes=one.minute, seconds=30),
                    success=one.success,
                    user_satisfaction_score=one.stars,
                    ml_models_used=[one.model] if one.model else None,
                )
                for one in rows
                if one.synthetic is synthetic
            ],
            synthetic=synthetic,
        )


def counted_by_hand(rows: list[Sent], version: SloVersion) -> dict[datetime, tuple[int, int]]:
    """Good and total per minute, by the definitions."""
    found: dict[datetime, tuple[int, int]] = {}
    for one in rows:
        at = BASE + timedelta(minutes=one.minute)
        if version.valid_from > at or (version.valid_until and version.valid_until <= at):
            continue
        if version.metric_name not in {one.metric, ""} or version.component != "cognitive_core":
            continue
        if version.query_complexity not in {"", one.complexity} or one.synthetic:
            continue
        if version.model not in {"", one.model}:
            continue
        if version.kind == Kind.SATISFACTION:
            if one.stars is None:
                continue
            good = one.stars >= version.threshold
        elif version.unit != "ms":
            continue
        elif version.kind == Kind.LIMIT:
            good = one.value <= version.threshold
        else:
            good = one.success and one.value <= version.good_within
        before = found.get(at, (0, 0))
        found[at] = (before[0] + good, before[1] + 1)
    return found


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(sent, max_size=6), min_size=1, max_size=4), edit=st.booleans())
def test_any_stream_in_any_batches_is_counted_as_by_hand(
    acme: Client, batches: list[list[Sent]], edit: bool
) -> None:
    clear()
    versions.sync(timezone.now())
    if edit:
        # In force from the second hour on.
        Sla.objects.filter(code="simple_queries").update(target_response_time=10)
        versions.sync(BASE + timedelta(minutes=59, seconds=10))
    for batch in batches:
        stored(batch, acme)
        rollups.roll_up_all()
        slis.count_all()
    rows = [one for batch in batches for one in batch]
    for version in SloVersion.objects.all():
        expected = counted_by_hand(rows, version)
        found = SliMinute.objects.filter(version=version)
        assert {one.minute: (one.good, one.total) for one in found} == expected
    assert not ChangedMinute.objects.exists()
    hours_equal_minutes()


def clear() -> None:
    """Hypothesis runs its examples in one transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ai_performance_metrics")
    SliMinute.objects.all().delete()
    SliHour.objects.all().delete()
    SloVersion.objects.all().delete()
    Slo.objects.all().delete()
    Sla.objects.filter(code="simple_queries").update(target_response_time=3000)


def hours_equal_minutes() -> None:
    sums: dict[Any, list[int]] = {}
    for one in SliMinute.objects.all():
        hour = one.minute.replace(minute=0)
        known = sums.setdefault((one.client_id, one.slo_id, hour), [0, 0])
        known[0] += one.good
        known[1] += one.total
    found = {(h.client_id, h.slo_id, h.hour): [h.good, h.total] for h in SliHour.objects.all()}
    assert found == sums


def test_a_second_sync_finds_nothing_to_do(db: None) -> None:
    assert versions.sync(BASE) > 20
    assert versions.sync(BASE) == 0


def test_a_change_begins_a_version_with_the_next_minute_and_keeps_the_old_one(db: None) -> None:
    versions.sync(BASE)
    Sla.objects.filter(code="simple_queries").update(target_response_time=2500)
    versions.sync(BASE + timedelta(seconds=7), reason="Agreed with Acme.")
    new, old = SloVersion.objects.filter(slo__base="sla:simple_queries:latency")
    at = BASE + timedelta(minutes=1)
    assert (old.threshold, old.valid_from, old.valid_until) == (3000, versions.EVER, at)
    assert (new.threshold, new.valid_from, new.valid_until) == (2500, at, None)
    assert (new.number, new.reason) == (2, "Agreed with Acme.")


def test_two_changes_within_a_minute_are_one_version(db: None) -> None:
    versions.sync(BASE)
    for target in (2500, 2000):
        Sla.objects.filter(code="simple_queries").update(target_response_time=target)
        versions.sync(BASE + timedelta(seconds=7))
    targets = SloVersion.objects.filter(slo__base="sla:simple_queries:latency")
    assert [version.threshold for version in targets] == [2000, 3000]


def test_a_disabled_promise_ends_and_one_that_comes_back_begins_again(db: None) -> None:
    versions.sync(BASE)
    for enabled, minute in ((False, 1), (True, 5)):
        Sla.objects.filter(code="simple_queries").update(enabled=enabled)
        versions.sync(BASE + timedelta(minutes=minute))
    new, old = SloVersion.objects.filter(slo__base="sla:simple_queries:latency")
    assert old.valid_until == BASE + timedelta(minutes=2)
    assert (new.valid_from, new.valid_until) == (BASE + timedelta(minutes=6), None)
