"""Sums and series over any span equal the minutes added up by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Client
from slas import windows
from slas.models import SliDay, SliHour, SliMinute, Slo, SloVersion
from slas.windows import Span, Sums

pytestmark = pytest.mark.django_db
BASE = datetime(2026, 3, 4, 22, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LAST = 1860  # minutes of history: two hours, a day, and five hours
Counted = dict[int, tuple[int, int, float]]  # minute → good, total, the largest value

# Borders of hours, their neighbours, and what lies between.
places = st.one_of(
    st.sampled_from([0, 1, 59, 60, 61, 119, 120, 121, 180, 1559, 1560, 1561, LAST]),
    st.integers(-70, LAST + 70),
)
spans = st.tuples(places, places).map(sorted)
history = st.dictionaries(
    st.one_of(
        st.sampled_from([0, 59, 60, 119, 120, 240, 1559, 1560, LAST - 1]), st.integers(0, LAST - 1)
    ),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.0, 1.5, 7.0])).map(
        lambda drawn: (drawn[0], drawn[0] + drawn[1] + 1, drawn[2])
    ),
    max_size=25,
)
anyhow = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def slo() -> Slo:
    found = Slo.objects.create(base="tests:windows")
    SloVersion.objects.create(
        slo=found,
        number=1,
        valid_from=datetime(1970, 1, 1, tzinfo=UTC),
        kind="latency",
        component="cognitive_core",
        unit="ms",
        threshold=1,
        good_within=1,
        share=95,
        minimum=1,
        window_seconds=300,
        aggregate="mean",
        include_synthetic=False,
        reason="Tests.",
    )
    return found


def at(minute: int) -> datetime:
    return BASE + minute * MINUTE


def fill(client: Client, slo: Slo, counted: Counted) -> None:
    """Minutes as given, and hours and days as they sum up."""
    for model in (SliMinute, SliHour, SliDay):
        model.objects.all().delete()
    version = slo.versions.get()
    longer: dict[str, dict[datetime, Sums]] = {"hour": {}, "day": {}}
    with connection.cursor() as cursor:
        for minute, (good, total, value) in counted.items():
            cursor.execute(
                "INSERT INTO sli_minutes (client_id, slo_id, minute, version_id, good, total, "
                "value_sum, value_max) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [client.pk, slo.pk, at(minute), version.pk, good, total, total * value, value],
            )
            hour = at(minute).replace(minute=0)
            for unit, start in (("hour", hour), ("day", hour.replace(hour=0))):
                longer[unit][start] = added(longer[unit].get(start, Sums()), good, total, value)
        for unit, found in longer.items():
            for start, sums in found.items():
                values = [sums.good, sums.total, sums.value_sum, sums.value_max]
                cursor.execute(
                    f"INSERT INTO sli_{unit}s (client_id, slo_id, {unit}, good, total, "  # noqa: S608
                    "value_sum, value_max) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    [client.pk, slo.pk, start, *values],
                )


def added(sums: Sums, good: int, total: int, value: float) -> Sums:
    largest = value if sums.value_max is None else max(sums.value_max, value)
    return Sums(sums.good + good, sums.total + total, sums.value_sum + total * value, largest)


def by_hand(counted: Counted, start: int, end: int, excluded: list[list[int]]) -> Sums:
    """Minute after minute."""
    found = Sums()
    for minute, (good, total, value) in counted.items():
        out = any(since <= minute < until for since, until in excluded)
        if start <= minute < end and not out:
            found = added(found, good, total, value)
    return found


def as_spans(excluded: list[list[int]]) -> list[Span]:
    return [(at(since), at(until)) for since, until in excluded]


@anyhow
@given(counted=history, span=spans, excluded=st.lists(spans, max_size=4))
def test_sums_over_any_span_are_those_of_its_minutes(
    acme: Client, slo: Slo, counted: Counted, span: list[int], excluded: list[list[int]]
) -> None:
    fill(acme, slo, counted)
    found = windows.sums(acme.pk, [slo.pk], at(span[0]), at(span[1]), as_spans(excluded))
    expected = by_hand(counted, *span, excluded)
    assert found == ({slo.pk: expected} if expected.total else {})


@anyhow
@given(
    counted=history,
    span=spans,
    excluded=st.lists(spans, max_size=4),
    step=st.sampled_from([1, 5, 37, 60, 90, 120, 1440]),
)
def test_a_series_is_the_sums_of_each_step(
    acme: Client, slo: Slo, counted: Counted, span: list[int], excluded: list[list[int]], step: int
) -> None:
    fill(acme, slo, counted)
    start, end = span
    found = windows.series(acme.pk, slo.pk, at(start), at(end), step * MINUTE, as_spans(excluded))
    assert found == [
        (at(since), by_hand(counted, since, min(since + step, end), excluded))
        for since in range(start, end, step)
    ]


@given(span=spans, excluded=st.lists(spans, max_size=5))
def test_what_is_left_of_a_span_is_each_minute_that_is_not_excluded(
    span: list[int], excluded: list[list[int]]
) -> None:
    left = windows.included(at(span[0]), at(span[1]), as_spans(excluded))
    minutes = [m for since, until in left for m in range(number(since), number(until))]
    assert minutes == [
        m for m in range(*span) if not any(since <= m < until for since, until in excluded)
    ]


def number(moment: datetime) -> int:
    return (moment - BASE) // MINUTE


def test_other_clients_and_objectives_are_not_counted(
    acme: Client, globex: Client, slo: Slo
) -> None:
    fill(acme, slo, {0: (1, 2, 1.0), 60: (3, 4, 1.0)})
    other = Slo.objects.create(base="tests:other")
    assert windows.sums(globex.pk, [slo.pk], at(0), at(120)) == {}
    assert windows.sums(acme.pk, [other.pk], at(0), at(120)) == {}


@pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=90), -MINUTE])
def test_a_step_that_is_not_whole_minutes_is_refused(
    acme: Client, slo: Slo, step: timedelta
) -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        windows.series(acme.pk, slo.pk, at(0), at(60), step)


def test_more_steps_than_can_be_answered_are_refused(acme: Client, slo: Slo) -> None:
    with pytest.raises(ValueError, match="10001 steps"):
        windows.series(acme.pk, slo.pk, at(0), at(10_001), MINUTE)
